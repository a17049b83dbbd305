//! One running Doorward: the real binary in a folder of its own, with its own database, ports and environment.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::deadline::{PATIENCE, until};
use crate::excerpt;
use crate::http::{Client, Request};
use crate::lambda::{self, Emulator};
use crate::ports;
use crate::scratch::Scratch;
use crate::store::{Database, Store};

/// A shared secret long enough for HS256.
pub const SECRET: &str = "kx8Jq2Zr7Lw0vTb5Ny4Hd9Fm3Pc6Gs1A";

/// Where cargo puts what it builds.
pub fn target_folder() -> PathBuf {
    let fallback = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or(fallback, PathBuf::from)
}

/// The binary under test: `DOORWARD_BIN`, else the newer one of the two cargo may have built.
pub fn binary() -> PathBuf {
    if let Some(binary) = std::env::var_os("DOORWARD_BIN") {
        return binary.into();
    }
    let built = ["debug", "release"].map(|profile| target_folder().join(profile).join("doorward"));
    let age = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let newest = built.into_iter().filter(|path| age(path).is_some()).max_by_key(age);
    newest.expect("the binary is built first: cargo build -p doorward")
}

/// What an instance is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    folder: Arc<Scratch>,
    database: Option<Arc<Database>>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    address: Option<SocketAddr>,
    /// AWS Lambda starts it.
    on_lambda: bool,
}

impl Setup {
    /// A fresh folder and an empty database; cheap hashing; everything else as it is by default.
    pub fn on(store: Store) -> Self {
        let folder = Arc::new(Scratch::new());
        let database = Arc::new(Database::create(store, folder.path()));
        Self::in_folder(folder).on_database(&database)
    }

    /// A fresh folder and nothing said about the store: the folder's `.env` or the default decides.
    pub fn bare() -> Self {
        Self::in_folder(Arc::new(Scratch::new())).set("password.bcrypt_cost", "4")
    }

    fn in_folder(folder: Arc<Scratch>) -> Self {
        let on_lambda = lambda::is_asked_for();
        Self { folder, database: None, environment: Vec::new(), arguments: Vec::new(), address: None, on_lambda }
    }

    /// Another node: its own folder over a database that is already there.
    pub fn on_database(self, database: &Arc<Database>) -> Self {
        let folder = if self.database.is_some() { Arc::new(Scratch::new()) } else { self.folder };
        let setup = Self { folder, database: Some(Arc::clone(database)), ..self };
        setup.set("store.url", &database.url).set("password.bcrypt_cost", "4")
    }

    /// Sets a setting by its key path, through the environment.
    pub fn set(self, key: &str, value: &str) -> Self {
        let name = format!("DOORWARD__{}", key.replace('.', "__").to_uppercase());
        self.env(&name, value)
    }

    /// Signs with HS256 and [`SECRET`].
    pub fn with_shared_secret(self) -> Self {
        self.set("tokens.algorithm", "HS256").set("tokens.secret", SECRET)
    }

    /// Sets an environment variable, replacing an earlier one of that name.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Says nothing of a setting any more.
    pub fn unset(mut self, key: &str) -> Self {
        let name = format!("DOORWARD__{}", key.replace('.', "__").to_uppercase());
        self.environment.retain(|(known, _)| *known != name);
        self
    }

    /// Writes `doorward.toml` into the working directory.
    pub fn file(self, toml: &str) -> Self {
        self.folder.write("doorward.toml", toml);
        self
    }

    /// Writes `.env` into the working directory.
    pub fn dotenv(self, text: &str) -> Self {
        self.folder.write(".env", text);
        self
    }

    /// Adds a command-line argument of `serve`.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Listens there and nowhere else: for what must know its address before it starts.
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The working directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database it was given.
    pub fn database(&self) -> &Arc<Database> {
        self.database.as_ref().expect("this instance was given a database")
    }

    /// What the instance in this folder has written.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    fn log_file(&self) -> PathBuf {
        self.folder().join("log")
    }

    /// Runs another subcommand in the same folder and environment, to its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        // A command that reads no input may be gone already.
        let _ = child.stdin.take().expect("a piped input").write_all(input.as_bytes());
        child.wait_with_output().expect("the command ends")
    }

    /// Runs a subcommand that must succeed; gives what it printed.
    #[track_caller]
    pub fn run_ok(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts it and waits until it is ready.
    #[track_caller]
    pub fn start(self) -> Doorward {
        for _ in 0..5 {
            let mut doorward = self.spawn(self.address.unwrap_or_else(ports::free));
            match doorward.wait_until_ready() {
                Ok(()) => return doorward,
                // Another test was faster with this port.
                Err(log) if log.contains("in use") => {}
                Err(log) => panic!("doorward ended instead of serving:\n{log}"),
            }
        }
        panic!("no free port after five tries");
    }

    /// Starts it without waiting: for what does not answer in clear text.
    #[track_caller]
    pub fn start_silently(self) -> Doorward {
        self.spawn(self.address.unwrap_or_else(ports::free))
    }

    /// Starts it where it must refuse: gives its exit status and what it said.
    #[track_caller]
    pub fn refused(self) -> (ExitStatus, String) {
        self.refused_at(ports::free())
    }

    /// The same on a given address.
    #[track_caller]
    pub fn refused_at(self, address: SocketAddr) -> (ExitStatus, String) {
        let mut doorward = self.spawn(address);
        let status = until("doorward refuses to start", PATIENCE, || doorward.ended());
        assert!(!status.success(), "it must not start: {}", doorward.log());
        (status, doorward.log())
    }

    fn spawn(&self, address: SocketAddr) -> Doorward {
        let output = File::create(self.log_file()).expect("a log file");
        let errors = output.try_clone().expect("a second handle of it");
        let admin = ports::free();
        let emulator = self.on_lambda.then(|| Emulator::start(address));
        let mut command = match &emulator {
            None => {
                let mut command = self.command();
                command.args(["serve", "--listen", &address.to_string()]);
                command
            }
            Some(emulator) => emulator.function(self.command(), 512),
        };
        command.args(&self.arguments).env("DOORWARD__SERVER__ADMIN_LISTEN", admin.to_string());
        let process = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let process = process.expect("the binary can be started");
        Doorward { process, address, admin, setup: self.clone(), emulator }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary());
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.current_dir(self.folder()).env_clear().env("PATH", path).env("HOME", self.folder());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A running instance, killed on drop.
#[derive(Debug)]
pub struct Doorward {
    process: Child,
    address: SocketAddr,
    admin: SocketAddr,
    setup: Setup,
    emulator: Option<Emulator>,
}

impl Doorward {
    /// Starts one on `store` with defaults.
    #[track_caller]
    pub fn start(store: Store) -> Self {
        Setup::on(store).start()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What calls it, where it is a function.
    pub fn emulator(&self) -> &Emulator {
        self.emulator.as_ref().expect("this instance is a function")
    }

    /// Its base URL without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of its public address.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// A client of its private address: metrics and the like.
    pub fn admin_client(&self) -> Client {
        Client::new(self.admin)
    }

    /// `GET target`.
    pub fn get(&self, target: &str) -> Request {
        self.client().get(target)
    }

    /// `POST target`.
    pub fn post(&self, target: &str) -> Request {
        self.client().post(target)
    }

    /// Any request.
    pub fn request(&self, method: &str, target: &str) -> Request {
        self.client().request(method, target)
    }

    /// What it was started with; also runs further commands beside it.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// A second node over the same database with the same settings.
    #[track_caller]
    pub fn second_node(&self) -> Self {
        self.setup.clone().on_database(self.setup.database()).start()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it has written so far; lines may come a moment late until it has stopped.
    pub fn log(&self) -> String {
        self.setup.log()
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("the process can be asked")
    }

    /// Sends a signal, named as `kill` names it.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// Asks it to stop and waits for its end.
    #[track_caller]
    pub fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        until("doorward stops", PATIENCE, || self.ended())
    }

    /// Kills it without warning; gives what is needed to start it again.
    pub fn kill(mut self) -> Setup {
        self.end();
        self.setup.clone()
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        // On both addresses: another test's instance may have been faster with one of them. A function has one.
        let admin = self.emulator.is_none().then(|| self.admin_client());
        let clients: Vec<Client> = admin.into_iter().chain([self.client()]).collect();
        until("doorward is ready", PATIENCE, || {
            if self.ended().is_some() {
                return Some(Err(self.log()));
            }
            let is_ready = |client: &Client| client.get("/readyz").try_send().is_ok_and(|answer| answer.status == 200);
            clients.iter().all(is_ready).then_some(Ok(()))
        })
    }

    fn end(&mut self) {
        // Both fail only where it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Doorward {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (file, shown) = (self.setup.log_file(), excerpt::of_log(&self.log()));
            eprintln!("--- log of {}, whole in {}\n{shown}", self.address, file.display());
        }
        self.end();
    }
}

/// How soon another node must know of a sign-out.
pub const ACROSS_NODES: Duration = Duration::from_secs(5);
