//! Tokens minted here, and tokens that another library signed for keys in each form.

use serde_json::json;

use super::*;
use crate::testing::{Fixture, ISSUER, NOW, OTHER_ISSUER};

fn issuer(keys: Keys) -> Result<Issuer, ConfigError> {
    Issuer::new(&config::Issuer { url: "https://issuer.example".to_owned(), keys })
}

#[test]
fn a_minted_token_has_kubernetes_shape() {
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
fn only_its_own_issuer_has_signed_it() {
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

#[test]
fn the_tokens_own_word_about_its_algorithm_is_not_believed() {
    let fixture = Fixture::new();
    let own = fixture.issuer(ISSUER);
    let claims = json!({"iss": ISSUER, "sub": "s", "aud": "a", "exp": 1});
    for algorithm in ["none", "HS256", "RS256", "ES384"] {
        let header = json!({"alg": algorithm, "kid": own.keys[0].kid()});
        let token = jwt::sign(&header, &claims, &own.signing_keys[0].1).unwrap();
        assert_eq!(own.verify(&Jwt::parse(&token).unwrap()), Err(VerifyError::NoMatchingKey), "{algorithm}");
    }
}

#[test]
fn what_is_no_token() {
    for text in ["", "a.b", "a.b.c", "e30.e30.e30", "ya29.access-token"] {
        assert!(Jwt::parse(text).is_none(), "{text}");
    }
}

/// `testdata/oidc/ALGORITHM` was made by `PyJWT`.
#[test]
fn keys_in_every_form() {
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
        assert_eq!(jwks.mint_claims(&json!({})), None, "its private key is elsewhere");
        let reimported = issuer(Keys::Jwks(jwks.jwks())).unwrap();
        assert_eq!(reimported.verify(&token), Ok(()), "the document of an issuer is good for another");
        let other = issuer(Keys::Pem(vec![cases[1 - index].2.to_owned()])).unwrap();
        assert_eq!(other.verify(&token), Err(VerifyError::NoMatchingKey));
    }
}

#[test]
fn keys_that_are_refused() {
    for (keys, error) in [
        (
            Keys::Jwks(json!({"keys": [{"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}]})),
            "a JWK has the curve P-384: this fake verifies P-256 (ES256) and RSA (RS256)",
        ),
        (
            Keys::Jwks(json!({"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]})),
            "`!` in a JWK is not base64url without padding",
        ),
        (Keys::Pem(vec![]), "its PEM holds no `PUBLIC KEY`"),
        (
            Keys::Pem(vec!["-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n".to_owned()]),
            "a key is neither a P-256 (ES256) nor an RSA (RS256) `PUBLIC KEY` in PEM",
        ),
    ] {
        let found = issuer(keys).unwrap_err().to_string();
        assert_eq!(found, format!("the issuer https://issuer.example: {error}"));
    }
    for url in ["http://issuer.example", "https://issuer.example/"] {
        let result = Issuer::new(&config::Issuer { url: url.to_owned(), keys: Keys::Generated });
        assert!(result.is_err(), "{url}");
    }
}
