//! Names of stored files.

use std::fmt;

use object_store::path::Path;
use uuid::Uuid;

/// Longest name of a client's that is kept, in characters.
const MAX_SHOWN_CHARS: usize = 255;

/// Longest of what follows the UUID, such as `-1600.webp`.
const MAX_SUFFIX_BYTES: usize = 16;

/// The name of a stored file: a folder, a UUID, and perhaps a suffix such as `-480.jpg`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileKey(String);

impl FileKey {
    /// A new name that nobody can guess.
    pub fn random(folder: &'static str) -> Self {
        Self::of(folder, Uuid::new_v4())
    }

    /// The name that belongs to one of our ids: writing it again replaces the file.
    pub fn of(folder: &'static str, id: Uuid) -> Self {
        Self(format!("{folder}/{}", id.simple()))
    }

    /// The same with a suffix: another width (`-480`) and a file extension, either of which may be missing.
    pub fn with_suffix(folder: &'static str, id: Uuid, width: Option<u32>, extension: &'static str) -> Self {
        let width = width.map_or_else(String::new, |width| format!("-{width}"));
        Self(format!("{folder}/{}{width}.{extension}", id.simple()))
    }

    /// A name as it was stored in the database or came in a URL; `None` if it is none of ours.
    pub fn stored(text: &str) -> Option<Self> {
        let (folder, name) = text.split_once('/')?;
        let folder_is_plain = !folder.is_empty() && folder.bytes().all(|b| b.is_ascii_lowercase());
        let (id, suffix) = name.split_at_checked(32)?;
        let id_is_plain = id.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
        (folder_is_plain && id_is_plain && is_suffix(suffix)).then(|| Self(text.to_owned()))
    }

    /// As it is stored in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What comes before the slash.
    pub fn folder(&self) -> &str {
        self.0.split_once('/').map_or("", |(folder, _)| folder)
    }

    /// The UUID in the name.
    pub fn id(&self) -> Uuid {
        let digits = self.0.split_once('/').and_then(|(_, name)| name.get(..32)).unwrap_or_default();
        Uuid::try_parse(digits).unwrap_or_default()
    }

    /// What a file of this name is, where the name says it: images only.
    pub fn content_type(&self) -> Option<&'static str> {
        match self.0.rsplit_once('.')?.1 {
            "jpg" => Some("image/jpeg"),
            "png" => Some("image/png"),
            "webp" => Some("image/webp"),
            "gif" => Some("image/gif"),
            _ => None,
        }
    }

    pub(super) fn path(&self) -> Path {
        Path::from(self.0.as_str())
    }
}

/// Nothing, or a width and an extension: `-480.jpg`, `.jpg`.
fn is_suffix(suffix: &str) -> bool {
    if suffix.is_empty() {
        return true;
    }
    let Some((width, extension)) = suffix.split_once('.') else { return false };
    let width_is_plain = match width.strip_prefix('-') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
        None => width.is_empty(),
    };
    let extension_is_plain = !extension.is_empty() && extension.bytes().all(|b| b.is_ascii_lowercase());
    width_is_plain && extension_is_plain && suffix.len() <= MAX_SUFFIX_BYTES
}

/// What people are shown of a client's name for a file: its last part, without what a terminal, a header or the
/// direction of writing would act on. It never names anything of ours.
pub fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let acts = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    last.chars().filter(|c| !acts(c)).take(MAX_SHOWN_CHARS).collect()
}

impl fmt::Display for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_is_harmless_to_show() {
        assert_eq!(shown_name("C:\\Users\\me\\products.csv"), "products.csv");
        assert_eq!(shown_name("../../etc/pass\u{1b}[2Jwd"), "pass[2Jwd");
        assert_eq!(shown_name("gpj.\u{202e}exe"), "gpj.exe");
        assert_eq!(shown_name(&"x".repeat(300)).len(), 255);
    }

    #[test]
    fn only_names_of_our_own_making_are_read_back() {
        let id = Uuid::new_v4();
        for key in [
            FileKey::random("exports"),
            FileKey::with_suffix("images", id, None, "jpg"),
            FileKey::with_suffix("images", id, Some(1600), "webp"),
        ] {
            assert_eq!(FileKey::stored(key.as_str()), Some(key));
        }
        let plain = "images/0123456789abcdef0123456789abcdef";
        for text in [
            "",
            "exports",
            "exports/",
            "../etc/passwd",
            "exports/../../x",
            "Exports/0",
            "/0",
            &plain.to_uppercase(),
            &format!("{plain}-.jpg"),
            &format!("{plain}-48x.jpg"),
            &format!("{plain}."),
            &format!("{plain}.JPG"),
            &format!("{plain}.jpg/../x"),
            &format!("{plain}.jpg.exe"),
            &format!("{plain}-11111111111111111111.jpg"),
        ] {
            assert_eq!(FileKey::stored(text), None, "{text}");
        }
        let key = FileKey::with_suffix("images", id, Some(480), "jpg");
        assert_eq!((key.folder(), key.id(), key.content_type()), ("images", id, Some("image/jpeg")));
    }
}
