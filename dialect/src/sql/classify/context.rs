//! Under what names are looked up: the session's own settings, those that a function has, or none,
//! where the database has resolved them.

use super::walk::Walk;
use crate::sql::catalogue::Function;
use crate::sql::names::{self, SYSTEM, TEMPORARY};
use crate::sql::settings::{Setting, Tracked, parse_boolean};

/// Where names are looked up.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// `None` when the path is not known.
    pub(crate) path: Option<Vec<PathEntry>>,
    pub(crate) conforming: Tracked<bool>,
    /// The same of whoever runs it: what is stored was resolved when it was made, but quoted bodies
    /// that it calls are read when they run.
    run_path: Option<Vec<PathEntry>>,
    run_conforming: Tracked<bool>,
    /// Inside what the database stores: its defaults may use sequences as part of the write.
    pub(crate) in_default: bool,
    /// The relations of this query are locked.
    pub(crate) locks: bool,
    /// The setting that `name` is in the one call of this query.
    pub(crate) setting: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct PathEntry {
    pub(crate) schema: String,
    /// The role in force may use it; if that is not certain, later schemas count too.
    pub(crate) certain: bool,
}

impl Context {
    pub(super) fn new() -> Self {
        Self {
            path: None,
            conforming: Tracked::Void,
            run_path: None,
            run_conforming: Tracked::Void,
            in_default: false,
            locks: false,
            setting: None,
        }
    }
}

impl Walk<'_> {
    /// Takes the settings as they are now for what is looked up next.
    pub(crate) fn refresh_context(&mut self) {
        self.context.run_path = self.session_path();
        self.context.run_conforming = self.settings.standard_conforming_strings.clone();
        self.enter_run();
        self.visited.clear();
    }

    /// Names are looked up as whoever runs it would.
    fn enter_run(&mut self) {
        self.context.path = self.context.run_path.clone();
        self.context.conforming = self.context.run_conforming.clone();
    }

    /// Takes the settings under which a function runs, and those under which its quoted body is read.
    pub(crate) fn enter_quoted(&mut self, function: &Function) {
        self.run_with(function);
        self.enter_run();
    }

    /// Takes the settings that a function runs with.
    pub(crate) fn run_with(&mut self, function: &Function) {
        for setting in &function.settings {
            let Some((name, value)) = setting.split_once('=') else {
                self.unknown();
                continue;
            };
            match Setting::from_name(name) {
                Some(Setting::SearchPath) => {
                    self.context.run_path =
                        names::parse_list(value).and_then(|names| self.effective_path(&names));
                }
                Some(Setting::StandardConformingStrings) => {
                    self.context.run_conforming = parse_boolean(value).into();
                }
                Some(_) => self.unknown(),
                None => {}
            }
        }
    }

    /// Names in what the database stores are looked up in the path that the catalogue was read
    /// under.
    pub(crate) fn enter_stored(&mut self) {
        let entry = |schema: &str| PathEntry {
            schema: schema.to_owned(),
            certain: true,
        };
        let mut path = vec![entry(SYSTEM)];
        if let Tracked::Known(Some(schema)) = &self.settings.temporary_schema {
            path.push(entry(schema));
        }
        self.context.path = Some(path);
        self.context.conforming = Tracked::Known(true);
        self.context.locks = false;
        self.context.setting = None;
    }

    /// The path that the session's settings make: temporary objects first, then the server's own,
    /// unless the setting names them elsewhere.
    fn session_path(&self) -> Option<Vec<PathEntry>> {
        self.effective_path(self.settings.search_path.known()?)
    }

    pub(super) fn effective_path(&self, names: &[String]) -> Option<Vec<PathEntry>> {
        let mut path = Vec::new();
        let temporary = self.settings.temporary_schema.known()?;
        let certain = |schema: &str, certain: bool| PathEntry {
            schema: schema.to_owned(),
            certain,
        };
        if !names.iter().any(|name| name == TEMPORARY)
            && let Some(schema) = temporary
        {
            path.push(certain(schema, true));
        }
        if !names.iter().any(|name| name == SYSTEM) {
            path.push(certain(SYSTEM, true));
        }
        let login = self.settings.role.known() == Some(&self.settings.login_role);
        for name in names {
            let name = match name.as_str() {
                "$user" => self.settings.role.known()?.as_str(),
                TEMPORARY => match temporary {
                    Some(schema) => schema,
                    None => continue,
                },
                other => other,
            };
            match self.catalogue.schemas.get(name) {
                Some(schema) if login && !schema.usable => {}
                Some(_) => path.push(certain(name, login)),
                None if self.fresh_schemas.contains(name) => path.push(certain(name, true)),
                None => {}
            }
        }
        Some(path)
    }
}
