"""Amazon's services for the tests: moto on a free loopback port, and a console of boto3 to look behind our back.

    python moto.py               prints `port N`, then answers the lines of standard input until that ends
    python moto.py PROFILE       starts no server: the console speaks to the real account of this profile

A line of input is a JSON string: Python that may use the boto3 clients `sm` (Secrets Manager), `ssm` (Parameter Store)
and `sts`, `clients(account)["ssm"]` for those of another account, and its `credentials(account)`. A line of output is
`{"ok": R}`, R being what the snippet left in `result`, or `{"error": "..."}`. Standard input ends when the test process does, however that happens, and so does this process.

What moto 5.2.5 gets wrong and is repaired below, after Amazon's reference:
  - moving AWSCURRENT moves what a read without a stage and a batch return, and PutSecretValue takes the label from
    whichever version holds it; other labels stay where they are
  - a secret scheduled for deletion refuses PutSecretValue, UpdateSecretVersionStage and CreateSecret
  - 65,536 bytes, empty strings, more than 20 labels, 21 names in a batch, 101 in a page are refused
  - VersionId with the wrong VersionStage is not found; not found is status 400
  - one bad secret does not fail a batch
  - ListSecretVersionIds has pages and the true times, and hides versions without a stage, as DescribeSecret does
  - parameters: 4 KB, 8 KB, tiers and their downgrade, types, patterns, 15 levels, characters, bad paging tokens,
    no empty last page, SecureString is no plaintext unless decrypted
  - requests are handled one at a time, so that a conditional write is atomic

What is not repaired, and so is covered by servers of our own, labelled as such:
  - throttling, clock skew, eventual consistency, permissions, signatures
  - whether a KMS key exists, is enabled, may be used
  - `{{ }}` in a parameter, DeleteParameters of eleven, versions of secrets are never pruned, replicas
"""

import base64
import io
import json
import os
import re
import sys
import threading
import time
import traceback

REGION = "eu-central-1"

# This file's folder comes first in the path, where this file would be the `moto` that is imported.
sys.path[:] = [folder for folder in sys.path if folder != os.path.dirname(os.path.abspath(__file__))]


def repair_secrets():
    from moto.secretsmanager import exceptions, models

    Backend, Secret, Store = models.SecretsManagerBackend, models.FakeSecret, models.SecretsStore

    def current(secret):
        for version_id, version in secret.versions.items():
            if "AWSCURRENT" in version["version_stages"]:
                return version_id
        return None

    def refuse_deleted(self, secret_id):
        if secret_id in self.secrets and self.secrets[secret_id].is_deleted():
            raise exceptions.InvalidRequestException(
                "You can't perform this operation on the secret because it was marked for deletion."
            )

    def check_value(string, binary):
        if string == "" or binary == "":
            raise exceptions.ValidationException("Member must have length greater than or equal to 1")
        size = len(string.encode()) if string is not None else len(base64.b64decode(binary or ""))
        if size > 65536:
            raise exceptions.ValidationException("Member must have length less than or equal to 65536")
        if string is not None and binary is not None:
            raise exceptions.InvalidParameterException("You can't specify both a binary and a string.")

    def date(secret, version_id):
        # Whole seconds in moto; the service has milliseconds.
        version = secret.versions.get(version_id)
        if version and isinstance(version["createdate"], int):
            version["createdate"] = round(time.time(), 3)

    def reset_default_version(self, version, version_id):
        held = current(self)
        for other_id, other in self.versions.items():
            leaving = set(version["version_stages"]) | {"AWSPREVIOUS"}
            other["version_stages"] = [s for s in other["version_stages"] if s not in leaving]
            if other_id == held:
                other["version_stages"].append("AWSPREVIOUS")
        self.versions[version_id] = version
        self.default_version_id = version_id

    Secret.reset_default_version = reset_default_version

    def stages(self):
        return {i: v["version_stages"] for i, v in self.versions.items() if v["version_stages"]}

    Secret._form_version_ids_to_stages = stages

    put = Backend.put_secret_value

    def put_secret_value(self, secret_id, secret_string, secret_binary, client_request_token, version_stages):
        refuse_deleted(self, secret_id)
        check_value(secret_string, secret_binary)
        if secret_id in self.secrets:
            secret = self.secrets[secret_id]
            labels = {s for v in secret.versions.values() for s in v["version_stages"]} | set(version_stages)
            if len(labels) > 20:
                raise exceptions.SecretsManagerClientError("LimitExceededException", "Too many staging labels.")
        answer = put(self, secret_id, secret_string, secret_binary, client_request_token, version_stages)
        date(self.secrets[secret_id], json.loads(answer)["VersionId"])
        return answer

    Backend.put_secret_value = put_secret_value

    create = Backend.create_secret

    def create_secret(self, name, secret_string, secret_binary, *rest, **named):
        refuse_deleted(self, name)
        if not re.fullmatch(r"[A-Za-z0-9/_+=.@-]{1,512}", name):
            raise exceptions.ValidationException("Invalid name.")
        if secret_string is not None or secret_binary is not None:
            check_value(secret_string, secret_binary)
        answer = create(self, name, secret_string, secret_binary, *rest, **named)
        secret = self.secrets[name]
        date(secret, current(secret))
        return answer

    Backend.create_secret = create_secret

    move = Backend.update_secret_version_stage

    def update_secret_version_stage(self, secret_id, version_stage, remove_from_version_id, move_to_version_id):
        refuse_deleted(self, secret_id)
        if secret_id in self.secrets and move_to_version_id:
            if move_to_version_id not in self.secrets[secret_id].versions:
                # Found out before the label is taken from the old version, not after.
                raise exceptions.InvalidParameterException(f"Not a valid version: {move_to_version_id}")
        answer = move(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
        secret = self.secrets[secret_id]
        secret.default_version_id = current(secret)
        return answer

    Backend.update_secret_version_stage = update_secret_version_stage

    get = Backend.get_secret_value

    def get_secret_value(self, secret_id, version_id, version_stage):
        if secret_id in self.secrets and not self.secrets[secret_id].is_deleted() and version_id and version_stage:
            version = self.secrets[secret_id].versions.get(version_id)
            if version and version_stage not in version["version_stages"]:
                raise exceptions.ResourceNotFoundException("No such version with this stage.")
        return get(self, secret_id, version_id, version_stage)

    Backend.get_secret_value = get_secret_value

    batch = Backend.batch_get_secret_value

    def batch_get_secret_value(self, secret_id_list=None, filters=None, max_results=None, next_token=None):
        if not secret_id_list:
            if not filters:
                raise exceptions.InvalidParameterException("SecretIdList or Filters must be given.")
            return batch(self, secret_id_list, filters, max_results, next_token)
        if len(secret_id_list) > 20:
            raise exceptions.ValidationException("Member must have length less than or equal to 20")
        values, errors = [], []
        for secret_id in dict.fromkeys(secret_id_list):
            try:
                values.append(self.get_secret_value(secret_id, "", "AWSCURRENT"))
            except exceptions.SecretsManagerClientError as error:
                errors.append({"SecretId": secret_id, "ErrorCode": error.error_type, "Message": error.message})
        return values, errors, None

    Backend.batch_get_secret_value = batch_get_secret_value

    list_secrets = Backend.list_secrets

    def list_at_most_100(self, filters, max_results=100, next_token=None, include_planned_deletion=False):
        if max_results and max_results > 100:
            raise exceptions.ValidationException("Member must have value less than or equal to 100")
        return list_secrets(self, filters, max_results or 100, next_token, include_planned_deletion)

    Backend.list_secrets = list_at_most_100

    def list_secret_version_ids(self):
        named = self._get_param
        if named("SecretId") not in self.backend.secrets:
            raise exceptions.SecretNotFoundException()
        secret = self.backend.secrets[named("SecretId")]
        versions = [
            {"VersionId": i, "VersionStages": v["version_stages"], "CreatedDate": v["createdate"]}
            for i, v in secret.versions.items()
            if v["version_stages"] or named("IncludeDeprecated")
        ]
        start, count = int(named("NextToken") or 0), int(named("MaxResults") or 100)
        answer = {"ARN": secret.arn, "Name": secret.name, "Versions": versions[start : start + count]}
        if start + count < len(versions):
            answer["NextToken"] = str(start + count)
        return json.dumps(answer)

    from moto.secretsmanager.responses import SecretsManagerResponse

    SecretsManagerResponse.list_secret_version_ids = list_secret_version_ids

    # An error's own initialiser sets 404; the service says 400.
    body = exceptions.SecretsManagerClientError.get_body

    def get_body(self, *rest, **named):
        self.code = 400
        return body(self, *rest, **named)

    exceptions.SecretsManagerClientError.get_body = get_body
    for name in ("ResourceNotFoundException", "SecretNotFoundException", "SecretHasNoValueException"):
        kind = getattr(exceptions, name)

        def initialise(self, *rest, original=kind.__init__, **named):
            original(self, *rest, **named)
            self.code = 400

        kind.__init__ = initialise

    # Every look-up walks through all secrets, which a thousand of them make slow.
    def faster(name, found):
        slow = getattr(Store, name)
        setattr(Store, name, lambda self, key: found(self, key) if dict.__contains__(self, key) else slow(self, key))

    faster("__getitem__", dict.__getitem__)
    faster("__contains__", lambda self, key: True)
    faster("get", dict.__getitem__)


def repair_parameters():
    from moto.ssm import models
    from moto.ssm.exceptions import SSMException

    Backend, Parameter = models.SimpleSystemManagerBackend, models.Parameter

    def size(value):
        return len(value.encode())

    put = Backend.put_parameter

    def put_parameter(self, name, description, value, parameter_type, allowed_pattern, keyid, overwrite, tags,
                      data_type, tier=None, policies=None):
        def refuse(code, message):
            raise SSMException(code, message)

        if not re.fullmatch(r"[A-Za-z0-9_./-]{1,1011}", name):
            refuse("ValidationException", "Parameter name: only a mix of letters, numbers and .-_/ is allowed.")
        if name.count("/") > 15:
            refuse("HierarchyLevelLimitExceededException", "A hierarchy has at most fifteen levels.")
        held = self._parameters[name] if name in self._parameters else []
        if held and overwrite:
            before = held[-1]
            if parameter_type and parameter_type != before.parameter_type:
                refuse("HierarchyTypeMismatchException", "A parameter's type can't be changed.")
            if before.tier == "Advanced" and tier == "Standard":
                refuse("ValidationException", "You can't downgrade a parameter from the advanced tier.")
            if tier is None:
                tier = before.tier
            allowed_pattern = allowed_pattern or before.allowed_pattern
        if tier == "Intelligent-Tiering":
            advanced = size(value) > 4096 or (held and held[-1].tier == "Advanced")
            tier = "Advanced" if advanced else "Standard"
        if size(value) > (8192 if tier == "Advanced" else 4096):
            refuse("ValidationException", "The value is over the limit of its tier.")
        if allowed_pattern and not re.search(allowed_pattern, value):
            refuse("ParameterPatternMismatchException", "The value doesn't match the pattern.")
        return put(self, name, description, value, parameter_type, allowed_pattern, keyid, overwrite, tags,
                   data_type, tier=tier or "Standard", policies=policies)

    Backend.put_parameter = put_parameter

    def page(self, values, count, token=None):
        if token and not token.isdigit():
            raise SSMException("InvalidNextToken", "The specified token isn't valid.")
        start, count = int(token or 0), int(count)
        return values[start : start + count], str(start + count) if start + count < len(values) else None

    Backend._get_values_nexttoken = page

    def decrypt(self, value):
        if self.parameter_type != "SecureString":
            return value
        return base64.b64decode(value.removeprefix("kms:")).decode()

    Parameter.encrypt = lambda self, value: "kms:" + base64.b64encode(value.encode()).decode()
    Parameter.decrypt = decrypt


class Server:
    """moto's threaded server, handling one request at a time."""

    def __init__(self):
        import logging

        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        repair_secrets()
        repair_parameters()
        moto = DomainDispatcherApplication(create_backend_app)
        lock = threading.Lock()

        def one_at_a_time(environ, start_response):
            # What a slow client still has to send must not stop the others.
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            with lock:
                return list(moto(environ, start_response))

        server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=WSGIRequestHandler)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()


class Clients:
    """boto3 clients of one account; made when first used, as each takes a tenth of a second."""

    def __init__(self, session, endpoint):
        self.session, self.endpoint, self.made = session, endpoint, {}

    def __getitem__(self, service):
        if service not in self.made:
            self.made[service] = self.session.client(service, endpoint_url=self.endpoint)
        return self.made[service]


def console(profile, port):
    import boto3

    if profile:
        own = Clients(boto3.Session(profile_name=profile), None)
    else:
        endpoint = f"http://127.0.0.1:{port}"
        own = Clients(boto3.Session("canary-id", "canary-secret", region_name=REGION), endpoint)

    def credentials(account):
        """Temporary credentials of another account: moto knows by them whose resources a request means."""
        role = f"arn:aws:iam::{account}:role/tests"
        return own["sts"].assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]

    def clients(account):
        found = credentials(account)
        keys = found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
        return Clients(boto3.Session(*keys, region_name=REGION), own.endpoint)

    def account():
        """What another program needs to speak to the same real account."""
        found = own.session.get_credentials().get_frozen_credentials()
        return {"region": own.session.region_name, "AWS_ACCESS_KEY_ID": found.access_key,
                "AWS_SECRET_ACCESS_KEY": found.secret_key, "AWS_SESSION_TOKEN": found.token}

    def remove(prefix):
        """Removes all secrets and parameters under a prefix, at once and for good."""
        secrets = own["secretsmanager"].get_paginator("list_secrets")
        pages = secrets.paginate(IncludePlannedDeletion=True, Filters=[{"Key": "name", "Values": [prefix]}])
        for secret in [secret for page in pages for secret in page["SecretList"]]:
            if secret["Name"] == prefix or secret["Name"].startswith(prefix + "/"):
                own["secretsmanager"].delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
        pages = own["ssm"].get_paginator("get_parameters_by_path").paginate(Path="/" + prefix, Recursive=True)
        names = [parameter["Name"] for page in pages for parameter in page["Parameters"]]
        names += own["ssm"].get_parameters(Names=["/" + prefix])["Parameters"] and ["/" + prefix]
        for start in range(0, len(names), 10):
            own["ssm"].delete_parameters(Names=names[start : start + 10])

    class Names(dict):
        """The clients are there by their names, made when first used."""

        def __missing__(self, name):
            services = {"sm": "secretsmanager", "ssm": "ssm", "sts": "sts"}
            if name not in services:
                raise KeyError(name)
            return own[services[name]]

    for line in sys.stdin:
        names = Names(clients=clients, credentials=credentials, account=account, remove=remove, json=json, time=time,
                      result=None)
        try:
            exec(compile(json.loads(line), "snippet", "exec"), names)
            answer = {"ok": names["result"]}
            text = json.dumps(answer, default=str)
        except Exception:
            text = json.dumps({"error": traceback.format_exc()})
        print(text, flush=True)


def main():
    # Nothing of the machine's settings reaches the clients, except a profile that was asked for.
    profile = sys.argv[1] if len(sys.argv) > 1 else None
    if not profile:
        for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
            del os.environ[name]
        os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, NO_PROXY="*",
                          AWS_EC2_METADATA_DISABLED="true", AWS_ACCESS_KEY_ID="canary-id",
                          AWS_SECRET_ACCESS_KEY="canary-secret", AWS_DEFAULT_REGION=REGION)
    port = 0 if profile else Server().port
    print(f"port {port}", flush=True)
    console(profile, port)


if __name__ == "__main__":
    main()
