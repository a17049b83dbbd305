//! The documentation pages and the document behind them.

use crate::app::{App, Outcome};

#[tokio::test]
async fn both_sets_of_documentation_paths_answer() -> Outcome {
    let app = App::start().await?;
    for path in ["/docs", "/api/docs", "/redoc", "/api/redoc"] {
        let page = app.anon().get(path).await?;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("script-src 'self';") && policy.starts_with("default-src 'none'"), "{policy}");
        let html = String::from_utf8(page.bytes)?;
        assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("<script>"), "{path}");
        for asset in html.split('"').filter(|text| text.starts_with("/docs/assets/")) {
            let answer = app.anon().get(asset).await?;
            assert_eq!(answer.status, 200, "{asset}");
            let compressed = answer.bytes.starts_with(&[0x1f, 0x8b]);
            assert_eq!(answer.header("content-encoding") == "gzip", compressed, "{asset}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_document_is_openapi_3_1_at_both_paths() -> Outcome {
    let app = App::start().await?;
    let one = app.anon().get("/openapi.json").await?;
    let other = app.anon().get("/api/openapi.json").await?;
    assert_eq!(one.body["openapi"], "3.1.0");
    assert_eq!(one.body["info"]["version"], "0.0.1");
    assert_eq!(one.bytes, other.bytes);
    Ok(())
}

#[tokio::test]
async fn a_surface_that_is_off_has_no_paths_and_no_documentation() -> Outcome {
    let app = App::start_with(|settings| settings.surfaces.directory = false).await?;
    assert_eq!(app.anon().get("/auth/me").await?.status, 404);
    assert_eq!(app.anon().get("/api/auth/me").await?.status, 401);
    let document = app.anon().get("/openapi.json").await?;
    assert!(document.body["paths"].get("/auth/me").is_none());
    assert!(document.body["paths"].get("/api/auth/me").is_some());
    Ok(())
}

#[tokio::test]
async fn the_key_set_is_public_and_may_be_cached_for_a_while() -> Outcome {
    let app = App::start().await?;
    let keys = app.anon().get("/.well-known/jwks.json").await?;
    assert_eq!((keys.status, keys.header("cache-control")), (200, "public, max-age=300"));
    assert_eq!(keys.body["keys"][0]["kty"], "OKP");
    assert!(keys.body["keys"][0].get("d").is_none());
    Ok(())
}
