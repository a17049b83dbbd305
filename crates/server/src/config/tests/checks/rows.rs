//! What each row of the list of refusals is tried with.

/// What the row refuses, a configuration, the mistake's beginning.
pub(super) const ROWS: &[(&str, &str, &str)] = &[
    (
        "a secret or encryption key of fewer than 32 characters",
        "[tokens]\nsecret = \"aB3dE6gH9jK2mN5pQ8sT1vW4xY7zC0f\"",
        "tokens.secret: is shorter",
    ),
    (
        "a secret or encryption key of fewer than 32 characters",
        "[tokens]\nencryption_key = \"short\"",
        "tokens.encryption_key: is shorter",
    ),
    (
        "an example as a secret",
        "[tokens]\nsecret = \"Your_Secret-Key-0123456789-abcdefghijkl\"",
        "tokens.secret: is an example",
    ),
    (
        "an example as a secret",
        "[tokens]\nsecret = \"0123456789-change-in-production-abcdef\"",
        "tokens.secret: is an example",
    ),
    ("a repetitive secret", "[tokens]\nsecret = \"abcdefghijklabcdefghijklabcdefghijkl\"", "tokens.secret: repeats"),
    ("a repetitive secret", "[tokens]\nsecret = \"abcdefaabbccddeeffabcdefaaccbbddeeff\"", "tokens.secret: repeats"),
    ("HS256 without `tokens.secret`", "[tokens]\nalgorithm = \"HS256\"", "tokens.algorithm: HS256 signs"),
    (
        "signing keys in PostgreSQL or MongoDB without `tokens.encryption_key`",
        "[store]\nurl = \"postgres://h/d\"",
        "tokens.encryption_key: is missing",
    ),
    ("developer headers", "[surfaces.directory]\ndev_headers = true", "surfaces.directory.dev_headers: lets anybody"),
    (
        "an http `server.public_url` beyond this machine",
        "[server]\npublic_url = \"http://10.0.0.1\"",
        "server.public_url: ",
    ),
    (
        "an insecure cookie with an https `server.public_url`",
        "[server]\npublic_url = \"https://a.example\"\n[session]\ncookie_secure = false",
        "session.cookie_secure: is false",
    ),
    ("an insecure cookie", "[session]\ncookie_secure = false", "session.cookie_secure: is false"),
    ("a cookie that scripts can read", "[session]\ncookie_http_only = false", "session.cookie_http_only: is false"),
    (
        "`SameSite=None`, or a `__Host-` or `__Secure-` name, on an insecure cookie",
        "[session]\ncookie_same_site = \"none\"\ncookie_secure = false",
        "session.cookie_same_site: ",
    ),
    (
        "`SameSite=None`, or a `__Host-` or `__Secure-` name, on an insecure cookie",
        "[session]\ncookie_name = \"__host-a\"\ncookie_secure = false",
        "session.cookie_name: ",
    ),
    (
        "trusted proxies that are everybody",
        "[server]\ntrusted_proxies = [\"::/0\"]",
        "server.trusted_proxies: trusts everybody",
    ),
    (
        "trusted proxies that are everybody",
        "[server]\ntrusted_proxies = [\"0.0.0.0/1\", \"128.0.0.0/1\"]",
        "server.trusted_proxies: trusts everybody",
    ),
    (
        "metrics and probes on the address of clients",
        "[server]\nadmin_listen = \"127.0.0.1:8000\"",
        "server.admin_listen: ",
    ),
    ("a bcrypt cost under 10", "[password]\nbcrypt_cost = 9", "password.bcrypt_cost: 9 "),
    (
        "a SQLite store that may lose what it acknowledged",
        "[store]\nurl = \"sqlite:a.db?synchronous=OFF\"",
        "store.url: synchronous=off",
    ),
    ("a SQLite store in memory", "[store]\nurl = \"sqlite::memory:\"", "store.url: asks for a database in memory"),
    (
        "a SQLite store in memory",
        "[store]\nurl = \"sqlite:a.db?mode=memory\"",
        "store.url: asks for a database in memory",
    ),
    (
        "http to issuers, providers, upstreams and Amazon's services beyond private networks",
        "[[issuers]]\nissuer = \"http://i.example\"\naudiences = [\"a\"]",
        "issuers[0].issuer: ",
    ),
    (
        "http to issuers, providers, upstreams and Amazon's services beyond private networks",
        "[[issuers]]\nissuer = \"https://i.example\"\njwks_uri = \"http://i.example\"\naudiences = [\"a\"]",
        "issuers[0].jwks_uri: ",
    ),
    (
        "http to issuers, providers, upstreams and Amazon's services beyond private networks",
        "[[providers]]\nid = \"p\"\nissuer = \"https://p.example\"\nclient_id = \"c\"\ntoken_endpoint = \"http://p.example\"",
        "providers[0].token_endpoint: ",
    ),
    (
        "http to issuers, providers, upstreams and Amazon's services beyond private networks",
        "[[routes]]\nname = \"r\"\npath = \"/r\"\nupstream = [\"http://10.0.0.1\", \"http://8.8.8.8\"]",
        "routes[0].upstream: ",
    ),
    (
        "http to issuers, providers, upstreams and Amazon's services beyond private networks",
        "[services]\nrag_url = \"http://rag.example\"",
        "routes[0].upstream: ",
    ),
    (
        "http to issuers, providers, upstreams and Amazon's services beyond private networks",
        "[aws]\nendpoint_url = \"http://aws.example\"",
        "aws.endpoint_url: ",
    ),
    (
        "http to issuers, providers, upstreams and Amazon's services beyond private networks",
        "[user_pool]\nkind = \"cognito\"\npool_id = \"us-east-1_Ab3\"\nclient_id = \"c\"\nendpoint_url = \"http://aws.example\"",
        "user_pool.endpoint_url: ",
    ),
    (
        "a database's server beyond private networks that is not asked for TLS",
        "[store]\nurl = \"postgres://u:p@db.example.com/d?sslmode=prefer\"\n[tokens]\nencryption_key = \"k7Qw2ZtB9xVn4LmRf8sYc3HdJp6GaTe1\"",
        "store.url: leaves the private network, and does not insist on TLS (from doorward.toml:3); write sslmode=verify-full",
    ),
    ("an issuer without audiences", "[[issuers]]\nissuer = \"https://i.example\"", "issuers[0].audiences: is empty"),
    (
        "one issuer twice",
        "[[issuers]]\nissuer = \"https://i.example\"\naudiences = \"a\"\n[[issuers]]\nissuer = \"https://i.example\"\naudiences = \"b\"",
        "issuers[1].issuer: ",
    ),
    (
        "a session that may be idle for longer than it may last",
        "[session]\nidle_ttl = \"2d\"\nabsolute_ttl = \"1d\"",
        "session.idle_ttl: ",
    ),
    (
        "a seeded domain below one that is not seeded before it",
        "[[seed.domains]]\nkey = \"a\"\nname = \"A\"\nparent = \"a\"",
        "seed.domains[0].parent: ",
    ),
    (
        "a route without upstream where no proxy is trusted to ask about it",
        "[[routes]]\nname = \"r\"\npath = \"/r\"",
        "routes[0].upstream: is missing",
    ),
    (
        "a change to bodies on a route without upstream",
        "[server]\ntrusted_proxies = [\"10.0.0.1\"]\n[[routes]]\nname = \"r\"\npath = \"/r\"\ninject.form = \"id\"",
        "routes[0].inject.form: changes a body",
    ),
    (
        "a certificate without its key, or a key without its certificate",
        "[server.tls]\ncertificate = \"Cargo.toml\"",
        "server.tls.key: is missing",
    ),
    (
        "a certificate without its key, or a key without its certificate",
        "[server.tls]\nkey = \"Cargo.toml\"",
        "server.tls.certificate: is missing",
    ),
    (
        "a file of certificates or keys that cannot be read",
        "[server.tls]\ncertificate = \"/not/there\"\nkey = \"Cargo.toml\"",
        "server.tls.certificate: /not/there cannot be read",
    ),
    (
        "a file of certificates or keys that cannot be read",
        "[outbound]\nextra_ca = \"/not/there\"",
        "outbound.extra_ca: /not/there cannot be read",
    ),
    (
        "a Cognito pool without `user_pool.pool_id` or `user_pool.client_id`",
        "[user_pool]\nkind = \"cognito\"\npool_id = \"us-east-1_Ab3\"",
        "user_pool.client_id: is missing: user_pool.kind is \"cognito\"",
    ),
    (
        "a Cognito pool without `user_pool.pool_id` or `user_pool.client_id`",
        "[user_pool]\nmigrate_from = \"cognito\"\nclient_id = \"c\"",
        "user_pool.pool_id: is missing: user_pool.migrate_from is \"cognito\"",
    ),
    (
        "`user_pool.migrate_from` where the pool keeps the passwords",
        "[user_pool]\nkind = \"cognito\"\nmigrate_from = \"cognito\"\npool_id = \"us-east-1_Ab3\"\nclient_id = \"c\"",
        "user_pool.migrate_from: leaves the pool",
    ),
    (
        "a Cognito pool in another region than its id says",
        "[user_pool]\nkind = \"cognito\"\npool_id = \"us-east-1_Ab3\"\nclient_id = \"c\"\nregion = \"eu-west-1\"",
        "user_pool.region: is \"eu-west-1\", and the pool us-east-1_Ab3 is in us-east-1",
    ),
    (
        "half an AWS key",
        "[user_pool]\nkind = \"cognito\"\npool_id = \"us-east-1_Ab3\"\nclient_id = \"c\"\n[aws]\naccess_key_id = \"AKIA\"",
        "aws.secret_access_key: is missing beside aws.access_key_id",
    ),
    (
        "half an AWS key",
        "[mail]\nurl = \"ses://us-east-1\"\nfrom = \"us@example.com\"\n[aws]\nsecret_access_key = \"s\"",
        "aws.access_key_id: is missing beside aws.secret_access_key",
    ),
    (
        "a sender that is no mailbox, and templates of mail that are missing or broken",
        "[mail]\nfrom = \"Doorward\"",
        "mail.from: will not do: ",
    ),
    (
        "a sender that is no mailbox, and templates of mail that are missing or broken",
        "[mail]\nreply_to = \"a@example.com, b@example.com\"",
        "mail.reply_to: will not do: ",
    ),
    (
        "a sender that is no mailbox, and templates of mail that are missing or broken",
        "[mail]\ntemplates = \"/not/there\"",
        "mail.templates: will not do: /not/there cannot be read",
    ),
    (
        "mail from `localhost`",
        "[mail]\nurl = \"smtps://mail.example\"",
        "mail.from: \"Doorward <no-reply@localhost>\" is",
    ),
    ("Amazon SES without a region", "[mail]\nurl = \"ses:\"\nfrom = \"us@example.com\"", "mail.url: names no region"),
    (
        "a name, password or certificates for a SQLite file",
        "[store]\nusername = \"doorward\"",
        "store.username: is for a database's server",
    ),
    (
        "the certificates of a database's server twice",
        "[store]\nurl = \"postgres://h/d\"\ntls_ca_file = \"Cargo.toml\"\ntls_ca = \"-----BEGIN A-----\\n-----END A-----\"",
        "store.tls_ca: is said beside store.tls_ca_file",
    ),
    (
        "a role that is not among `roles.known`, where there are any",
        "[roles]\nknown = [\"auditor\"]\nnew_accounts = [\"user\", \"admin\", \"auditor\", \"member\"]",
        "roles.new_accounts: \"member\" is none of the known roles: user, admin, auditor",
    ),
    (
        "a role that is not among `roles.known`, where there are any",
        "[roles]\nknown = \"auditor\"\n[[routes]]\nname = \"r\"\npath = \"/r\"\nupstream = \"http://10.0.0.1\"\nrequire.roles = [\"user\", \"auditors\"]",
        "routes[0].require.roles: \"auditors\" is none of",
    ),
    (
        "`admin` among `roles.new_accounts`",
        "[roles]\nnew_accounts = [\"member\", \"admin\"]",
        "roles.new_accounts: makes an administrator of everybody",
    ),
    (
        "two routes of one name",
        "[services]\ngeneration_url = \"http://10.0.0.1\"\n[[routes]]\nname = \"chat\"\npath = \"/c\"\nupstream = \"http://10.0.0.1\"",
        "routes[2].name: \"chat\"",
    ),
];

/// What the row refuses, members of a route, the mistake's beginning.
pub(super) const ROUTES: &[(&str, &str, &str)] = &[
    (
        "a route that is public and has requirements",
        "require = { public = true, roles = [\"admin\"] }",
        "routes[0].require.public: ",
    ),
    ("upstreams with a query", "", "routes[0].upstream: "),
    (
        "a route that is public and has requirements",
        "require = { public = true, recent_sign_in = \"5m\" }",
        "routes[0].require.public: ",
    ),
];

/// What the row refuses, members of a provider (its second entry), the mistake's beginning.
pub(super) const PROVIDERS: &[(&str, &str, &str)] = &[
    ("two providers of one name", "id = \"p\"", "providers[1].id: \"p\" is the name of another"),
    (
        "a provider that is not asked for `openid`",
        "id = \"q\"\nscopes = [\"email\"]",
        "providers[1].scopes: does not ask",
    ),
    (
        "a client authentication without its secret or key, or `none` with one",
        "id = \"q\"\nclient_auth = \"post\"",
        "providers[1].client_auth: needs a client_secret",
    ),
    (
        "a client authentication without its secret or key, or `none` with one",
        "id = \"q\"\nclient_auth = \"private_key_jwt\"\nclient_secret = \"s\"",
        "providers[1].client_auth: needs a private_key",
    ),
    (
        "a client authentication without its secret or key, or `none` with one",
        "id = \"q\"\nclient_auth = \"none\"\nclient_secret = \"s\"",
        "providers[1].client_auth: makes the secret useless",
    ),
    (
        "a rule for groups that gives nothing",
        "id = \"q\"\n[[providers.groups]]\ngroup = \"g\"",
        "providers[1].groups[0].roles: is empty",
    ),
    (
        "a role that is not among `roles.known`, where there are any",
        "id = \"q\"\n[[providers.groups]]\ngroup = \"g\"\nroles = [\"admin\", \"staff\"]\n[roles]\nknown = \"auditor\"",
        "providers[1].groups[0].roles: \"staff\" is none of",
    ),
    (
        "an http redirect URI beyond this machine",
        "id = \"q\"\nredirect_uri = \"http://10.0.0.1/cb\"",
        "providers[1].redirect_uri: ",
    ),
    (
        "http to issuers, providers, upstreams and Amazon's services beyond private networks",
        "id = \"q\"\ndiscovery_url = \"http://q.example\"",
        "providers[1].discovery_url: ",
    ),
];
