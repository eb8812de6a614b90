//! Tokens minted here, and tokens that another library signed, with keys in each format.

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::testing::{Fixture, ISSUER, NOW, OTHER_ISSUER};

fn issuer(keys: Keys) -> Result<Issuer, ConfigError> {
    Issuer::new(&config::Issuer { url: "https://issuer.example".to_owned(), keys, thumbprint: None })
}

#[test]
fn mint_returns_kubernetes_claims() {
    let fixture = Fixture::new();
    let token = fixture.web_identity();
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap();
    for uid in ["/jti", "/kubernetes.io/serviceaccount/uid", "/kubernetes.io/pod/uid"] {
        let uid = claims.pointer_mut(uid).unwrap();
        assert_eq!(uid.as_str().unwrap().len(), 36);
        *uid = "UID".into();
    }
    assert_eq!(
        claims,
        json!({
            "aud": ["sts.amazonaws.com"],
            "exp": NOW.plus(86_400).0,
            "iat": NOW.0,
            "iss": ISSUER,
            "jti": "UID",
            "kubernetes.io": {
                "namespace": "shop",
                "pod": {"name": "nightly-abcde", "uid": "UID"},
                "serviceaccount": {"name": "nightly", "uid": "UID"},
            },
            "nbf": NOW.0,
            "sub": "system:serviceaccount:shop:nightly",
        })
    );
}

#[test]
fn verify_accepts_only_signatures_of_the_issuer() {
    let fixture = Fixture::new();
    let token = fixture.web_identity();
    let own = fixture.issuer(ISSUER);
    assert_eq!(own.verify(&Jwt::parse(&token).unwrap()), Ok(()));
    let other = fixture.issuer(OTHER_ISSUER);
    assert_eq!(other.verify(&Jwt::parse(&token).unwrap()), Err(VerifyError::NoMatchingKey));
    let forged = token.replacen('.', ".e30", 1);
    assert!(Jwt::parse(&forged).is_none_or(|token| own.verify(&token).is_err()));
    let (signed, _) = token.rsplit_once('.').unwrap();
    let unsigned = Jwt::parse(&format!("{signed}.")).unwrap();
    assert_eq!(own.verify(&unsigned), Err(VerifyError::InvalidSignature));
}

#[rstest]
#[case("none")]
#[case("HS256")]
#[case("RS256")]
#[case("ES384")]
fn verify_rejects_tokens_with_another_algorithm_in_the_header(#[case] algorithm: &str) {
    let fixture = Fixture::new();
    let own = fixture.issuer(ISSUER);
    let claims = json!({"iss": ISSUER, "sub": "s", "aud": "a", "exp": 1});
    let header = json!({"alg": algorithm, "kid": own.keys[0].kid()});
    let token = own.signing_keys[0].1.sign_token(&header, &claims).unwrap();
    assert_eq!(own.verify(&Jwt::parse(&token).unwrap()), Err(VerifyError::NoMatchingKey), "{algorithm}");
}

#[rstest]
#[case("")]
#[case("a.b")]
#[case("a.b.c")]
#[case("e30.e30.e30")]
#[case("ya29.access-token")]
fn parse_rejects_malformed_tokens(#[case] text: &str) {
    assert!(Jwt::parse(text).is_none(), "{text}");
}

/// `PyJWT` made `testdata/oidc/ALGORITHM`.
#[test]
fn verify_accepts_keys_from_jwks_and_pem() {
    macro_rules! files {
        ($algorithm:literal) => {
            (
                include_str!(concat!("../../testdata/oidc/", $algorithm, "/token.jwt")),
                include_str!(concat!("../../testdata/oidc/", $algorithm, "/jwks.json")),
                include_str!(concat!("../../testdata/oidc/", $algorithm, "/public.pem")),
            )
        };
    }
    let cases = [files!("es256"), files!("rs256")];
    for (index, (token, jwks, pem)) in cases.iter().enumerate() {
        let token = Jwt::parse(token.trim()).unwrap();
        let jwks = issuer(Keys::Jwks(serde_json::from_str(jwks).unwrap())).unwrap();
        let pem_issuer = issuer(Keys::Pem(vec![(*pem).to_owned()])).unwrap();
        assert_eq!((jwks.verify(&token), pem_issuer.verify(&token)), (Ok(()), Ok(())));
        assert_eq!(jwks.mint_claims(&json!({})), None, "has no private key");
        let reimported = issuer(Keys::Jwks(jwks.jwks())).unwrap();
        assert_eq!(reimported.verify(&token), Ok(()), "accepts its own exported JWKS");
        let other = issuer(Keys::Pem(vec![cases[1 - index].2.to_owned()])).unwrap();
        assert_eq!(other.verify(&token), Err(VerifyError::NoMatchingKey));
    }
}

#[test]
fn invalid_keys_are_rejected() {
    for (keys, error) in [
        (
            Keys::Jwks(json!({"keys": [{"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}]})),
            "JWK: expected a P-256 (ES256) or RSA (RS256) key, found the curve P-384",
        ),
        (
            Keys::Jwks(json!({"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]})),
            "JWK: expected base64url without padding, found `!`",
        ),
        (Keys::Pem(vec![]), "keys: expected a `PUBLIC KEY` in PEM, found none"),
        (
            Keys::Pem(vec!["-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n".to_owned()]),
            "key: expected a P-256 (ES256) or RSA (RS256) `PUBLIC KEY` in PEM",
        ),
    ] {
        let found = issuer(keys).unwrap_err().to_string();
        assert_eq!(found, format!("the issuer https://issuer.example: {error}"));
    }
    for url in ["http://issuer.example", "https://issuer.example/"] {
        let result =
            Issuer::new(&config::Issuer { url: url.to_owned(), keys: Keys::Generated, thumbprint: None });
        assert!(result.is_err(), "{url}");
    }
}
