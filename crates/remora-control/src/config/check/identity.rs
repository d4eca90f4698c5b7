//! Checks `[[identity]]`: issuers are reached safely, and each of them gives access to something.

use remora_session::AccountId;

use super::demand::{InvalidConfig, demand};
use crate::config::Identity;
use crate::config::address::is_safe_address;
use crate::config::identity::EVERY_ACCOUNT;

/// The name is the text of a button.
const DISPLAY_NAME_CHARACTERS_MAX: usize = 64;
/// Issuers are compared one by one.
const IDENTITIES_MAX: usize = 64;

pub(super) fn check_identities(identities: &[Identity]) -> Result<(), InvalidConfig> {
    demand(identities.len() <= IDENTITIES_MAX, "identity", identities.len(), "there may be 64")?;
    for (index, identity) in identities.iter().enumerate() {
        check_identity(&format!("identity[{index}]"), identity)?;
        let addressed = |identity: &Identity| [Some(identity.audience.clone()), identity.client_id.clone()];
        let same = |other: &Identity| {
            let known = addressed(other);
            other.issuer == identity.issuer
                && addressed(identity).iter().flatten().any(|one| known.contains(&Some(one.clone())))
        };
        let twice = identities[..index].iter().any(same);
        let accepted = "each issuer is given once for each audience and client_id";
        demand(!twice, &format!("identity[{index}].issuer"), &identity.issuer, accepted)?;
    }
    Ok(())
}

fn check_identity(key: &str, identity: &Identity) -> Result<(), InvalidConfig> {
    let issuer_address = "it takes an https address; http only for one on this machine";
    let of = |name: &str| format!("{key}.{name}");
    let issuer = &identity.issuer;
    demand(is_safe_address(issuer) && !issuer.contains('?'), &of("issuer"), issuer, issuer_address)?;
    if let Some(url) = &identity.jwks_url {
        demand(is_safe_address(url), &of("jwks_url"), url, issuer_address)?;
    }
    let audience = &identity.audience;
    demand(!audience.is_empty(), &of("audience"), audience, "it takes what is in the `aud` of the issuer's tokens")?;
    let claim = &identity.role_claim;
    demand(!claim.is_empty(), &of("role_claim"), claim, "it takes the name of a claim, such as roles")?;
    let claim = &identity.subject_claim;
    demand(!claim.is_empty(), &of("subject_claim"), claim, "it takes the name of a claim, such as sub or oid")?;
    check_sign_in(key, identity)?;
    let accepted = "it takes at least one value of the claim, such as { \"remora.admin\" = \"administrator\" }";
    demand(!identity.roles.is_empty(), &of("roles"), &identity.roles, accepted)?;
    let accepted = "it takes at least one account id, or \"*\" for every account";
    demand(!identity.accounts.is_empty(), &of("accounts"), &identity.accounts, accepted)?;
    for account in &identity.accounts {
        let known = account == EVERY_ACCOUNT || account.parse::<AccountId>().is_ok();
        demand(
            known,
            &of("accounts"),
            account,
            "it takes GUIDs such as 11111111-2222-3333-4444-555555555555, or \"*\"",
        )?;
    }
    Ok(())
}

fn check_sign_in(key: &str, identity: &Identity) -> Result<(), InvalidConfig> {
    let of = |name: &str| format!("{key}.{name}");
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let client_id = &identity.client_id;
    let accepted = "it takes the id under which the issuer knows the page, without blanks";
    demand(client_id.as_deref().is_none_or(visible), &of("client_id"), client_id, accepted)?;
    let scopes = &identity.scopes;
    let sound = scopes.iter().all(|scope| visible(scope)) && scopes.iter().any(|scope| scope == "openid");
    let accepted = "it takes a list of words without blanks, openid among them";
    demand(sound, &of("scopes"), scopes, accepted)?;
    let name = &identity.display_name;
    let readable = |name: &String| {
        (1..=DISPLAY_NAME_CHARACTERS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control)
    };
    let accepted = "it takes 1 to 64 characters, none of them a control character";
    demand(name.as_ref().is_none_or(readable), &of("display_name"), name, accepted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const IDENTITY: &str = r#"
        issuer = "https://login.example/tenant/v2.0"
        audience = "remora"
        roles = { "remora.admin" = "administrator" }
        accounts = ["*"]
    "#;

    fn check(text: &str) -> Result<(), InvalidConfig> {
        Config::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).check()
    }

    /// An issuer that can be used, with one part replaced.
    fn with(from: &str, to: &str) -> String {
        format!("[[identity]]\n{}", IDENTITY.replace(from, to))
    }

    #[test]
    fn issuers_need_https_unless_they_are_on_this_machine() {
        let issuer = "https://login.example/tenant/v2.0";
        for good in ["http://127.0.0.1:9000", "http://[::1]:9000/x", "http://localhost", "https://a.example"] {
            check(&with(issuer, good)).unwrap();
        }
        for bad in [
            "",
            "login.example",
            "http://login.example",
            "ftp://login.example",
            "https://",
            "https://user@login.example",
            "https://login.example?x=1",
            "https://login.example#x",
            "http://127.0.0.1.evil.example",
            "http://localhost@x",
        ] {
            assert_eq!(check(&with(issuer, bad)).expect_err(bad).key, "identity[0].issuer", "{bad}");
        }
        let jwks = format!("{}jwks_url = 'http://login.example/keys'", with("", ""));
        assert_eq!(check(&jwks).unwrap_err().key, "identity[0].jwks_url");
    }

    #[test]
    fn an_issuer_without_any_effect_is_refused() {
        for (from, to, key) in [
            (r#""remora""#, r#""""#, "identity[0].audience"),
            (r#"{ "remora.admin" = "administrator" }"#, "{}", "identity[0].roles"),
            (r#"["*"]"#, "[]", "identity[0].accounts"),
            (r#"["*"]"#, r#"["mine"]"#, "identity[0].accounts"),
            (r#"["*"]"#, "['*']\nsubject_claim = ''", "identity[0].subject_claim"),
            (r#"["*"]"#, "['*']\nclient_id = ''", "identity[0].client_id"),
            (r#"["*"]"#, "['*']\nclient_id = 'a b'", "identity[0].client_id"),
            (r#"["*"]"#, "['*']\nscopes = ['profile']", "identity[0].scopes"),
            (r#"["*"]"#, "['*']\nscopes = ['openid', 'pro file']", "identity[0].scopes"),
            (r#"["*"]"#, "['*']\ndisplay_name = ''", "identity[0].display_name"),
        ] {
            assert_eq!(check(&with(from, to)).expect_err(key).key, key);
        }
        let twice = format!("[[identity]]\n{IDENTITY}\n[[identity]]\n{IDENTITY}");
        assert_eq!(check(&twice).unwrap_err().key, "identity[1].issuer");
        // A token for one of them would also be a token for the other.
        let other = IDENTITY.replace(r#""remora""#, "\"other\"\nclient_id = 'remora'");
        let crossed = format!("[[identity]]\n{IDENTITY}\n[[identity]]\n{other}");
        assert_eq!(check(&crossed).unwrap_err().key, "identity[1].issuer");
        check(&format!("[[identity]]\n{other}")).unwrap();
    }
}
