//! What the other tests here stand on: the server's repairs hold, and tests clean up behind themselves.

use crate::support::moto::Moto;
use serde_json::json;

#[test]
fn moving_the_current_label_moves_what_every_read_returns() {
    let Some(moto) = Moto::get("conditional writes in the emulator") else { return };
    let name = moto.prefix();
    let seen = moto.boto(&format!(
        r#"
name = {name:?}
old = sm.create_secret(Name=name, SecretString="canary-one")["VersionId"]
new = sm.put_secret_value(SecretId=name, SecretString="canary-two", VersionStages=["private"])["VersionId"]
before = sm.get_secret_value(SecretId=name)["SecretString"]
sm.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=new, RemoveFromVersionId=old)
batch = sm.batch_get_secret_value(SecretIdList=[name])["SecretValues"][0]["SecretString"]
try:
    sm.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=old, RemoveFromVersionId=old)
    refused = None
except sm.exceptions.ClientError as error:
    refused = error.response["Error"]["Code"]
sm.put_secret_value(SecretId=name, SecretString="canary-three")
stages = sm.describe_secret(SecretId=name)["VersionIdsToStages"]
result = [before, batch, refused, stages.get(old), sorted(stages[new]), sm.get_secret_value(SecretId=name)["SecretString"]]
remove(name)
"#
    ));
    assert_eq!(
        seen,
        json!([
            "canary-one",
            "canary-two",
            "InvalidParameterException",
            null,
            ["AWSPREVIOUS", "private"],
            "canary-three"
        ])
    );
}

#[test]
fn what_a_test_made_is_removed_and_nothing_beside_it() {
    let Some(moto) = Moto::get("cleaning up in the emulator") else { return };
    let prefix = moto.prefix();
    moto.boto(&format!(
        r#"
for name in [{prefix:?}, {prefix:?} + "/A", {prefix:?} + "-beside"]:
    sm.create_secret(Name=name, SecretString="canary-value")
    ssm.put_parameter(Name="/" + name, Value="canary-value", Type="SecureString")
sm.delete_secret(SecretId={prefix:?} + "/A")
"#
    ));
    moto.remove(&prefix);
    let left = moto.boto(&format!(
        r#"
found = sm.list_secrets(IncludePlannedDeletion=True, Filters=[{{"Key": "name", "Values": [{prefix:?}]}}])["SecretList"]
names = ["/" + name for name in [{prefix:?}, {prefix:?} + "/A", {prefix:?} + "-beside"]]
result = [s["Name"] for s in found] + [p["Name"] for p in ssm.get_parameters(Names=names)["Parameters"]]
"#
    ));
    assert_eq!(left, json!([format!("{prefix}-beside"), format!("/{prefix}-beside")]));
    moto.remove(&format!("{prefix}-beside"));
}
