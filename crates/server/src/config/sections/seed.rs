//! The teams and domains that the first start makes.

use super::super::mistake::Mistake;
use super::super::values::Values;

/// Without a word from the operator.
const TEAMS: [(&str, Option<&str>); 4] =
    [("General", None), ("Engineering", Some("eng")), ("Product", Some("product")), ("Design", Some("design"))];
const DOMAINS: [(&str, &str); 5] = [
    ("engineering", "Engineering"),
    ("product", "Product Management"),
    ("design", "Design"),
    ("marketing", "Marketing"),
    ("sales", "Sales"),
];

/// What the first start makes, once and without overwriting.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    /// Teams.
    pub(crate) teams: Vec<SeedTeam>,
    /// Domains, each after the one above it.
    pub(crate) domains: Vec<SeedDomain>,
}

/// A team to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeedTeam {
    /// Its name.
    pub(crate) name: String,
    /// What another system calls it.
    pub(crate) external_ref: Option<String>,
}

/// A domain to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeedDomain {
    /// Its key.
    pub(crate) key: String,
    /// Its name.
    pub(crate) name: String,
    /// The key of the one above it.
    pub(crate) parent: Option<String>,
}

impl Seed {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        // Entries replace the built-in list, and so does an empty list.
        let named = |list: &str| values.is_given(list) || !values.entries(list).is_empty();
        let team = |entry: &String| {
            Ok(SeedTeam {
                name: values.one(&format!("{entry}.name"))?,
                external_ref: values.maybe(&format!("{entry}.external_ref"))?,
            })
        };
        let domain = |entry: &String| {
            Ok(SeedDomain {
                key: values.one(&format!("{entry}.key"))?,
                name: values.one(&format!("{entry}.name"))?,
                parent: values.maybe(&format!("{entry}.parent"))?,
            })
        };
        Ok(Self {
            teams: if named("seed.teams") {
                values.entries("seed.teams").iter().map(team).collect::<Result<_, Mistake>>()?
            } else {
                TEAMS
                    .map(|(name, reference)| SeedTeam { name: name.into(), external_ref: reference.map(Into::into) })
                    .into()
            },
            domains: if named("seed.domains") {
                values.entries("seed.domains").iter().map(domain).collect::<Result<_, Mistake>>()?
            } else {
                DOMAINS.map(|(key, name)| SeedDomain { key: key.into(), name: name.into(), parent: None }).into()
            },
        })
    }
}
