//! TLS to outside services.

/// Chooses the process's implementation of cryptography, once; without it no client that speaks TLS can be built.
pub fn choose_crypto() {
    // An error says that it was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
