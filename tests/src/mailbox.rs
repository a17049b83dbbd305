//! A mail server in a process of its own, and the mailbox that it fills: mail as somebody finds it who opens it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::ChildStdout;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::certificate::Certificate;
use crate::deadline::{PATIENCE, until};
use crate::part::Part;
use crate::ports;
use crate::python::client;

/// Who may send mail through a server that asks.
pub const USER: &str = "door@harbour.example";
/// The password of [`USER`], with what a URL has to escape.
pub const MAIL_PASSWORD: &str = "p@ss/wörd:9";
/// The same as the part of a URL.
const ESCAPED: &str = "door%40harbour.example:p%40ss%2Fw%C3%B6rd%3A9@";

/// How a server protects what it is told.
#[derive(Clone, Copy, Debug)]
pub enum Protection<'c> {
    /// Not at all.
    None,
    /// STARTTLS, and then a password.
    StartTls(&'c Certificate),
    /// TLS from the first byte, and then a password.
    Implicit(&'c Certificate),
}

/// How a server treats messages.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// Takes them.
    Accept,
    /// Refuses their recipients with this answer, such as `450 4.2.1 later`.
    Refuse(&'static str),
    /// Refuses them after their last byte.
    RefuseMessage(&'static str),
    /// Says nothing once it knows the sender.
    Hang,
    /// Takes them and does not say so.
    Swallow,
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Mail(Value);

/// A running server.
#[derive(Debug)]
pub struct Mailbox {
    server: Mutex<Part>,
    told: Mutex<Receiver<()>>,
    taken: Arc<Mutex<Vec<Mail>>>,
    /// By address, how many messages were opened.
    opened: Mutex<BTreeMap<String, usize>>,
    url: String,
}

impl Mailbox {
    /// A server on this machine that anybody may send mail through.
    #[track_caller]
    pub fn start() -> Self {
        Self::protected(Protection::None)
    }

    /// A server with a certificate, for [`USER`] alone.
    #[track_caller]
    pub fn protected(protection: Protection<'_>) -> Self {
        let port = ports::free().port();
        let mut options = json!({"port": port});
        let (name, url, certificate) = match protection {
            Protection::None => (None, format!("smtp://127.0.0.1:{port}?tls=none"), None),
            Protection::StartTls(by) => (Some("starttls"), format!("smtp://{ESCAPED}localhost:{port}"), Some(by)),
            Protection::Implicit(by) => (Some("implicit"), format!("smtps://{ESCAPED}localhost:{port}"), Some(by)),
        };
        if let (Some(name), Some(certificate)) = (name, certificate) {
            options["tls"] = name.into();
            options["cert"] = certificate.certificate().to_string_lossy().into();
            options["key"] = certificate.key().to_string_lossy().into();
            options["user"] = USER.into();
            options["password"] = MAIL_PASSWORD.into();
        }
        let (mut server, line) = Part::announced(&mut client("smtp.py", &[&options.to_string()]));
        assert!(line.contains("listening"), "{line}");
        let (taken, (sender, told)) = (Arc::default(), channel());
        let (output, filled) = (server.output(), Arc::clone(&taken));
        thread::spawn(move || read(output, &filled, &sender));
        Self { server: Mutex::new(server), told: Mutex::new(told), taken, opened: Mutex::default(), url }
    }

    /// What Doorward is told as `mail.url`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the next message to an address that this was not asked for yet.
    #[track_caller]
    pub fn next_to(&self, address: &str) -> Mail {
        let mut opened = self.opened.lock().expect("what was opened");
        let count = opened.entry(address.to_owned()).or_default();
        let what = format!("mail number {} to {address}", *count + 1);
        let mail = until(&what, PATIENCE, || self.all_to(address).get(*count).cloned());
        *count += 1;
        mail
    }

    /// Every message to an address so far, opened or not.
    pub fn all_to(&self, address: &str) -> Vec<Mail> {
        self.all().into_iter().filter(|mail| mail.recipients() == [address]).collect()
    }

    /// Every message so far.
    pub fn all(&self) -> Vec<Mail> {
        self.taken.lock().expect("the mailbox").clone()
    }

    /// From now on the server treats messages so.
    pub fn treats(&self, manner: Manner) {
        self.tell(&match manner {
            Manner::Accept => json!({"do": "accept"}),
            Manner::Refuse(answer) => json!({"do": "refuse", "answer": answer}),
            Manner::RefuseMessage(answer) => json!({"do": "refuse message", "answer": answer}),
            Manner::Hang => json!({"do": "hang"}),
            Manner::Swallow => json!({"do": "swallow"}),
        });
    }

    /// Hangs up and listens no more.
    pub fn go_down(&self) {
        self.tell(&json!({"listen": false}));
    }

    /// Listens again where it did.
    pub fn come_back(&self) {
        self.tell(&json!({"listen": true}));
    }

    fn tell(&self, wish: &Value) {
        self.server.lock().expect("the server").tell(&wish.to_string());
        self.told.lock().expect("its answers").recv_timeout(PATIENCE).expect("the mail server does as told");
    }
}

impl Mail {
    /// Whom the envelope names.
    pub fn recipients(&self) -> Vec<&str> {
        self.0["recipients"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Every value of a header, decoded.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.0["headers"].as_array().into_iter().flatten();
        let named = all.filter(|header| header[0].as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)));
        named.filter_map(|header| header[1].as_str()).collect()
    }

    /// The names of all headers, in lower case.
    pub fn header_names(&self) -> Vec<String> {
        let all = self.0["headers"].as_array().into_iter().flatten();
        all.filter_map(|header| header[0].as_str()).map(str::to_ascii_lowercase).collect()
    }

    /// Its subject.
    #[track_caller]
    pub fn subject(&self) -> &str {
        let [subject] = self.headers("subject")[..] else { panic!("not one subject: {}", self.0["raw"]) };
        subject
    }

    /// Its text.
    #[track_caller]
    pub fn text(&self) -> &str {
        self.0["text"].as_str().unwrap_or_else(|| panic!("no text: {}", self.0["raw"]))
    }

    /// The same as HTML.
    #[track_caller]
    pub fn html(&self) -> &str {
        self.0["html"].as_str().unwrap_or_else(|| panic!("no HTML: {}", self.0["raw"]))
    }

    /// All of it as it came.
    pub fn raw(&self) -> &str {
        self.0["raw"].as_str().unwrap_or_default()
    }

    /// What a strict reader finds wrong with it.
    pub fn defects(&self) -> &Value {
        &self.0["defects"]
    }

    /// Whether it came over TLS, and as whom the sender had signed in.
    pub fn channel(&self) -> (bool, Option<&str>) {
        (self.0["encrypted"] == true, self.0["user"].as_str())
    }

    /// The six digits it brings; the text and the HTML have the same.
    #[track_caller]
    pub fn code(&self) -> String {
        let code = six_digits(self.text()).unwrap_or_else(|| panic!("no code in {}", self.text()));
        assert!(self.html().contains(&code), "another code in {}", self.html());
        code
    }
}

/// The only word of six digits in a text.
pub fn six_digits(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let mut codes = words.filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()));
    codes.next().map(str::to_owned)
}

fn read(output: BufReader<ChildStdout>, taken: &Mutex<Vec<Mail>>, told: &Sender<()>) {
    for line in output.lines().map_while(Result::ok) {
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        if line["told"] == true {
            // Nobody listens any more when the test is over.
            let _ = told.send(());
        } else {
            taken.lock().expect("the mailbox").push(Mail(line));
        }
    }
}
