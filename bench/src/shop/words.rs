//! The words of the shop. Their order is their frequency; it never changes, for scenarios search for some of them.

/// A kind of product: its name, what its products are called, its first option and the values of that, and its usual
/// price in minor units.
pub struct Kind {
    pub name: &'static str,
    pub nouns: &'static [&'static str],
    pub option: &'static str,
    pub values: &'static [&'static str],
    pub price: f64,
}

const SIZES: &[&str] = &["S", "M", "L", "XL"];
const LENGTHS: &[&str] = &["40 mm", "60 mm", "80 mm", "120 mm", "160 mm"];
const PACKS: &[&str] = &["1 piece", "5 pieces", "10 pieces", "50 pieces"];
const WEIGHTS: &[&str] = &["250 g", "500 g", "1 kg", "2 kg"];
const VOLUMES: &[&str] = &["100 ml", "500 ml", "1 l", "5 l"];
const WIDTHS: &[&str] = &["12 in", "18 in", "24 in", "36 in"];

macro_rules! kinds {
    ($($name:literal [$($noun:literal)+] $option:literal $values:ident $price:literal)+) => {
        &[$(Kind { name: $name, nouns: &[$($noun),+], option: $option, values: $values, price: $price }),+]
    };
}

/// The kinds, most frequent first.
pub const KINDS: &[Kind] = kinds! {
    "Screws" ["screw" "wood screw" "machine screw" "lag screw"] "Length" LENGTHS 450.0
    "Hooks" ["hook" "coat hook" "ceiling hook" "tool hook"] "Length" LENGTHS 900.0
    "Hinges" ["hinge" "butt hinge" "strap hinge" "gate hinge"] "Length" LENGTHS 1400.0
    "Handles" ["handle" "pull" "door handle" "drawer pull"] "Length" LENGTHS 1900.0
    "Hammers" ["hammer" "claw hammer" "mallet" "sledgehammer"] "Weight" WEIGHTS 3200.0
    "Nails" ["nail" "finishing nail" "roofing nail"] "Pack" PACKS 380.0
    "Brackets" ["bracket" "shelf bracket" "corner brace"] "Length" LENGTHS 1100.0
    "Locks" ["lock" "padlock" "deadbolt" "mortise lock"] "Size" SIZES 4200.0
    "Bolts" ["bolt" "carriage bolt" "hex bolt" "eye bolt"] "Length" LENGTHS 520.0
    "Saws" ["saw" "hand saw" "hacksaw" "coping saw"] "Length" WIDTHS 3600.0
    "Chisels" ["chisel" "cold chisel" "wood chisel"] "Size" SIZES 2400.0
    "Files" ["file" "rasp" "needle file"] "Length" LENGTHS 1300.0
    "Pliers" ["pliers" "pincers" "wire cutter"] "Size" SIZES 2700.0
    "Wrenches" ["wrench" "spanner" "pipe wrench" "socket"] "Size" SIZES 2900.0
    "Screwdrivers" ["screwdriver" "bit set" "nut driver"] "Size" SIZES 1600.0
    "Chains" ["chain" "link chain" "shackle"] "Length" WIDTHS 2100.0
    "Ropes" ["rope" "cord" "cable"] "Length" WIDTHS 1800.0
    "Knobs" ["knob" "cabinet knob" "door knob"] "Size" SIZES 1200.0
    "Pans" ["pan" "skillet" "griddle"] "Size" SIZES 5200.0
    "Pots" ["pot" "kettle" "dutch oven"] "Size" SIZES 6800.0
    "Knives" ["knife" "paring knife" "cleaver"] "Size" SIZES 4900.0
    "Lamps" ["lamp" "lantern" "sconce" "pendant"] "Size" SIZES 7900.0
    "Paints" ["paint" "primer" "varnish" "lacquer"] "Volume" VOLUMES 2600.0
    "Oils" ["oil" "wax" "polish"] "Volume" VOLUMES 1500.0
    "Glues" ["glue" "adhesive" "sealant"] "Volume" VOLUMES 1000.0
    "Gloves" ["gloves" "work gloves" "welding gloves"] "Size" SIZES 1900.0
    "Aprons" ["apron" "work apron"] "Size" SIZES 4400.0
    "Boots" ["boots" "work boots"] "Size" SIZES 11900.0
    "Anvils" ["anvil" "bench anvil"] "Weight" WEIGHTS 24900.0
    "Vises" ["vise" "clamp" "bar clamp"] "Size" SIZES 5600.0
    "Fire Tools" ["poker" "tongs" "fire shovel" "grate"] "Length" WIDTHS 4700.0
    "Gates" ["gate" "latch" "fence panel"] "Width" WIDTHS 15900.0
    "Railings" ["railing" "baluster" "handrail"] "Width" WIDTHS 12900.0
    "Shelves" ["shelf" "rack" "storage bin"] "Width" WIDTHS 6400.0
    "Ladders" ["ladder" "step stool"] "Size" SIZES 13900.0
    "Garden Tools" ["spade" "rake" "hoe" "trowel" "pruner"] "Size" SIZES 3400.0
    "Axes" ["axe" "hatchet" "splitting maul"] "Weight" WEIGHTS 5900.0
    "Letterboxes" ["letterbox" "house number" "name plate"] "Size" SIZES 3900.0
    "Bells" ["bell" "door knocker" "chime"] "Size" SIZES 3300.0
    "Casters" ["caster" "wheel" "glide"] "Size" SIZES 1450.0
};

/// What goes before the noun, most frequent first.
pub const QUALITIES: &[&str] = &[
    "forged",
    "heavy",
    "classic",
    "galvanized",
    "polished",
    "rustic",
    "compact",
    "solid",
    "hand-made",
    "adjustable",
    "blackened",
    "reinforced",
    "brushed",
    "vintage",
    "industrial",
    "curved",
    "folding",
    "tempered",
    "slim",
    "double",
    "insulated",
    "hammered",
    "magnetic",
    "hidden",
    "weatherproof",
    "antique",
    "swivel",
    "ribbed",
    "twisted",
    "fluted",
    "gilded",
    "nautical",
    "gothic",
    "filigree",
    "unbreakable",
    "featherlight",
];

/// What a product is made of, most frequent first; also the values of the second option.
pub const MATERIALS: &[&str] = &[
    "steel",
    "iron",
    "brass",
    "oak",
    "copper",
    "bronze",
    "aluminum",
    "leather",
    "walnut",
    "zinc",
    "nickel",
    "ash",
    "beech",
    "chrome",
    "pewter",
    "titanium",
    "hickory",
    "enamel",
    "porcelain",
    "tungsten",
];

/// The second option's names.
pub const SECOND_OPTIONS: &[&str] = &["Finish", "Material", "Color"];

/// The second option's values.
pub const FINISHES: &[&str] =
    &["black", "natural", "polished", "white", "raw", "green", "red", "blue", "matte", "antique"];

/// What descriptions are made of, most frequent first, before the long tail of [`tail`].
pub const PROSE: &[&str] = &[
    "the",
    "and",
    "a",
    "of",
    "for",
    "with",
    "to",
    "in",
    "is",
    "made",
    "steel",
    "your",
    "this",
    "from",
    "that",
    "it",
    "hand",
    "as",
    "by",
    "on",
    "or",
    "use",
    "finish",
    "home",
    "every",
    "workshop",
    "iron",
    "quality",
    "design",
    "years",
    "easy",
    "strong",
    "wood",
    "fits",
    "each",
    "set",
    "perfect",
    "surface",
    "high",
    "are",
    "all",
    "can",
    "garden",
    "durable",
    "simple",
    "traditional",
    "solid",
    "handle",
    "tool",
    "piece",
    "screws",
    "included",
    "wall",
    "door",
    "light",
    "indoor",
    "outdoor",
    "blade",
    "grip",
    "edge",
    "care",
    "resistant",
    "rust",
    "water",
    "oil",
    "clean",
    "dry",
    "cloth",
    "heat",
    "fire",
    "kitchen",
    "house",
    "craft",
    "smith",
    "forge",
    "carbon",
    "coated",
    "powder",
    "black",
    "warm",
    "natural",
    "grain",
    "comfortable",
    "balanced",
    "weight",
    "heavy",
    "mount",
    "mounting",
    "holes",
    "fixings",
    "supplied",
    "length",
    "width",
    "height",
    "thick",
    "metal",
    "sheet",
    "cast",
    "drawn",
    "rolled",
    "ground",
    "hardened",
    "sharp",
    "safe",
    "children",
    "keep",
    "away",
    "lasting",
    "lifetime",
    "guarantee",
    "repair",
    "replace",
    "spare",
    "parts",
    "available",
    "box",
    "gift",
    "recycled",
    "packaging",
    "family",
    "workshop's",
    "tradition",
    "since",
    "village",
    "north",
    "coast",
    "restoration",
    "period",
    "modern",
    "minimal",
    "shape",
    "line",
    "profile",
    "corner",
    "angle",
    "load",
    "rated",
    "tested",
    "kilograms",
    "shelf",
    "ceiling",
    "beam",
    "fence",
    "gate",
    "stable",
    "horse",
    "barn",
    "ship",
    "deck",
    "rope",
    "knot",
    "chain",
    "hook",
    "ring",
    "plate",
    "bolt",
    "thread",
    "pitch",
    "hex",
    "slot",
    "cross",
    "head",
    "shank",
    "point",
    "tip",
];

/// How many words the long tail has.
const TAIL: usize = 3_800;

/// The long tail: model names, places, words of the trade. Pronounceable, and no two alike.
pub fn tail() -> Vec<String> {
    const STARTS: [&str; 20] = [
        "bal", "cor", "dra", "fen", "gor", "hal", "jor", "kel", "lun", "mar", "nor", "os", "pel", "quil",
        "ros", "sten", "tor", "ul", "vel", "wex",
    ];
    const MIDDLES: [&str; 19] = [
        "a", "an", "ar", "e", "el", "en", "er", "i", "il", "in", "o", "ol", "on", "or", "u", "ul", "um",
        "ur", "y",
    ];
    const ENDS: [&str; 10] = ["bek", "dan", "field", "gate", "ham", "mark", "rick", "stad", "vik", "wold"];
    // Neighbors in frequency should not begin alike: the start changes fastest.
    (0..TAIL)
        .map(|i| {
            let end = ENDS[(i / (STARTS.len() * MIDDLES.len())) % ENDS.len()];
            format!("{}{}{end}", STARTS[i % STARTS.len()], MIDDLES[(i / STARTS.len()) % MIDDLES.len()])
        })
        .collect()
}

const SURNAMES: &[&str] = &[
    "Abbott",
    "Barlow",
    "Carver",
    "Dawson",
    "Ellison",
    "Fletcher",
    "Granger",
    "Holloway",
    "Irving",
    "Jensen",
    "Kowalski",
    "Larsson",
    "Mercer",
    "Nakamura",
    "Okafor",
    "Pereira",
    "Quinn",
    "Rossi",
    "Sørensen",
    "Thatcher",
    "Underwood",
    "Vasquez",
    "Weaver",
    "Xavier",
    "Yates",
    "Zimmermann",
    "Ashdown",
    "Brandt",
    "Crane",
    "Düring",
    "Évrard",
    "Farrow",
];
const TRADES: &[&str] = &[
    "Forge",
    "& Sons",
    "Ironworks",
    "Tools",
    "Hardware",
    "Foundry",
    "Workshop",
    "Supply",
    "Bros.",
    "Manufaktur",
];

/// Some hundred makers, most frequent first.
pub fn vendors() -> Vec<String> {
    let trades = TRADES.iter().flat_map(|trade| SURNAMES.iter().map(move |name| format!("{name} {trade}")));
    trades.collect()
}

/// The tags, most frequent first.
pub const TAGS: &[&str] = &[
    "new",
    "sale",
    "indoor",
    "outdoor",
    "bestseller",
    "handmade",
    "gift",
    "professional",
    "eco",
    "restoration",
    "vintage",
    "kitchen",
    "garden",
    "workshop",
    "farm",
    "marine",
    "fireplace",
    "bathroom",
    "office",
    "camping",
    "left-handed",
    "oversize",
    "limited",
    "clearance",
    "spring",
    "summer",
    "autumn",
    "winter",
    "hotel",
    "theater",
    "museum",
    "bespoke",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_words_of_the_tail_are_alike() {
        let tail = tail();
        assert_eq!(tail.iter().collect::<HashSet<_>>().len(), TAIL);
        assert_eq!(vendors().iter().collect::<HashSet<_>>().len(), 320);
    }
}
