//! TLS with real certificates, made for each test.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::tls::TlsError;
use super::frames::*;
use super::*;

/// Files with a certificate for `localhost` that its holder has signed itself.
struct Pair(TempDir);

impl Pair {
    fn new() -> Self {
        let pair = Self(tempfile::tempdir().unwrap());
        pair.renew();
        pair
    }

    /// Puts another certificate and key in the place of the first.
    fn renew(&self) {
        let TlsFiles { certificate, key } = self.files();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-out"])
            .arg(certificate)
            .arg("-keyout")
            .arg(key)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn files(&self) -> TlsFiles {
        TlsFiles { certificate: self.0.path().join("certificate.pem"), key: self.0.path().join("key.pem") }
    }

    /// A client that believes this certificate and no other.
    fn connector(&self, protocols: &[&[u8]], versions: &[&'static SupportedProtocolVersion]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.files().certificate).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }

    /// Connects as such a client.
    async fn connect(&self, bench: &Bench, protocols: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
        connect(bench, self.connector(protocols, &[&TLS13, &TLS12])).await
    }
}

async fn connect(bench: &Bench, connector: TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(bench.address).await.unwrap();
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

async fn serve(pair: &Pair, limits: Limits) -> (Bench, Tls) {
    let tls = Tls::open(pair.files()).await.unwrap();
    (Bench::start_on(listener().with_tls(Some(tls.clone())), limits), tls)
}

/// Sends `request` and reads until the server has said `last`.
async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &[u8], last: &str) -> String {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        while !answer.ends_with(last.as_bytes()) {
            answer.push(stream.read_u8().await.unwrap());
        }
    };
    tokio::time::timeout(HANG, read).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn client_and_server_agree_on_a_protocol() {
    let pair = Pair::new();
    let (bench, _) = serve(&pair, LIMITS).await;
    for versions in [[&TLS12], [&TLS13]] {
        for protocols in [&[][..], &[&b"http/1.1"[..]]] {
            let mut stream = connect(&bench, pair.connector(protocols, &versions)).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), protocols.first().copied());
            let answer = exchange(&mut stream, GET.as_bytes(), "\r\n\r\nok").await;
            assert_eq!(statuses(&answer), [200]);
        }
        let mut stream = connect(&bench, pair.connector(&[b"h2", b"http/1.1"], &versions)).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let opening = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        let request = frame(HEADERS, END_STREAM | END_HEADERS, 1, &request("GET", "/"));
        exchange(&mut stream, &[opening, request].concat(), "ok").await;
    }
    assert!(pair.connect(&bench, &[b"spdy/3"]).await.is_err());
    assert_eq!(bench.probe.paths().len(), 6);
}

#[tokio::test]
async fn a_tunnel_passes_through_tls() {
    let pair = Pair::new();
    let (bench, _) = serve(&pair, LIMITS).await;
    let mut stream = pair.connect(&bench, &[b"http/1.1"]).await.unwrap();
    let upgrade = b"GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    exchange(&mut stream, upgrade, "\r\n\r\n").await;
    exchange(&mut stream, b"hello", "hello").await;
    drop(stream);
    until(|| bench.server.tally().open() == 0).await;
}

#[tokio::test]
async fn what_is_not_tls_is_not_answered() {
    let pair = Pair::new();
    let (bench, _) = serve(&pair, LIMITS).await;
    let mut client = bench.connect().await;
    client.send(GET).await;
    let mut said = Vec::new();
    // What was not read when the server closed may make the end a reset.
    let _ = tokio::time::timeout(HANG, client.0.read_to_end(&mut said)).await.unwrap();
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/"));
    until(|| bench.server.tally().open() == 0).await;
    assert_eq!(bench.probe.paths(), Vec::<String>::new());
}

#[tokio::test]
async fn a_handshake_that_stalls_is_given_up_and_hinders_nobody() {
    let pair = Pair::new();
    let (bench, _) = serve(&pair, Limits { header_timeout: Duration::from_millis(300), ..LIMITS }).await;
    let mut stalled = Vec::new();
    for index in 0..300 {
        let mut client = bench.connect().await;
        client.send(&b"\x16\x03\x01\x02\x00\x01\x00"[..index % 8]).await;
        stalled.push(client);
    }
    let mut good = pair.connect(&bench, &[]).await.unwrap();
    exchange(&mut good, GET.as_bytes(), "\r\n\r\nok").await;
    let tally = bench.server.tally();
    until(|| tally.timed_out() == 300).await;
    // Nor is one that ends, and no request after it.
    let mut silent = pair.connect(&bench, &[]).await.unwrap();
    assert_eq!(tokio::time::timeout(HANG, silent.read(&mut [0])).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart_and_a_broken_one_never() {
    let pair = Pair::new();
    let (bench, tls) = serve(&pair, LIMITS).await;
    tokio::spawn(tls.follow_files().unwrap());
    let old = pair.connector(&[], &[&TLS13]);
    let mut open = connect(&bench, old.clone()).await.unwrap();
    let hang_up = || Command::new("kill").args(["-HUP", &std::process::id().to_string()]).status().unwrap();

    let key = std::fs::read(pair.files().key).unwrap();
    for broken in [&b""[..], b"no key", &key[..key.len() / 2]] {
        std::fs::write(pair.files().key, broken).unwrap();
        hang_up();
        assert!(connect(&bench, old.clone()).await.is_ok(), "the old certificate stays");
    }
    pair.renew();
    hang_up();
    let renewed = async { while pair.connect(&bench, &[]).await.is_err() {} };
    tokio::time::timeout(HANG, renewed).await.unwrap();
    assert!(connect(&bench, old).await.is_err(), "the old certificate is gone");
    exchange(&mut open, GET.as_bytes(), "\r\n\r\nok").await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_with_their_setting() {
    let (pair, other) = (Pair::new(), Pair::new());
    let told = async |files: TlsFiles| Tls::open(files).await.unwrap_err();
    let missing = Path::new("/nowhere/at/all.pem").to_path_buf();
    let error = told(TlsFiles { certificate: missing, ..pair.files() }).await.to_string();
    assert!(error.starts_with("cannot read /nowhere/at/all.pem of server.tls.certificate: "), "{error}");
    let swapped = TlsFiles { certificate: pair.files().key, key: pair.files().certificate };
    let error = told(swapped).await.to_string();
    assert!(error.contains("key.pem of server.tls.certificate holds no certificate in PEM"), "{error}");
    let certificate = pair.files().certificate;
    let error = told(TlsFiles { key: certificate.clone(), certificate }).await.to_string();
    assert!(error.contains("certificate.pem of server.tls.key holds no private key in PEM"), "{error}");
    let error = told(TlsFiles { key: other.files().key, ..pair.files() }).await;
    assert!(matches!(error, TlsError::Pair { .. }), "{error}");
}
