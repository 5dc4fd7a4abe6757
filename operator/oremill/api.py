"""The API server's REST interface, as far as the operator needs it: paths, verbs, errors.

It stands on the client of the package `kubernetes` for addresses, credentials and connections.
Bodies stay plain dictionaries: typed models of all API objects would triple the operator's memory.
"""

import json
import os
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlencode

from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient

from oremill import names

Body = dict[str, Any]
_TIMEOUT = 30  # seconds of one request
_PLURALS = {
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "Event": "events",
    "Job": "jobs",
    "Lease": "leases",
    "NetworkPolicy": "networkpolicies",
    "Pod": "pods",
    "Secret": "secrets",
    "Service": "services",
    **names.PLURALS,
}


class ApiError(Exception):
    """The API server said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Conflict(ApiError):
    """The object changed since it was read: look again (409)."""


class Missing(ApiError):
    """There is no such object (404)."""


class Refused(ApiError):
    """Quota, admission or rights do not allow it (403), or a value is not legal (422)."""


_ERRORS: dict[int, type[ApiError]] = {
    403: Refused,
    404: Missing,
    409: Conflict,
    422: Refused,
}


class Api:
    """One connection to the API server."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @classmethod
    async def connect(cls) -> "Api":
        """Return a connection: by the service account in a pod, by KUBECONFIG elsewhere."""
        if "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ:
            config.load_incluster_config()
        else:
            await config.load_kube_config()
        return cls(ApiClient())

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def served(self, api_version: str) -> set[str]:
        """Return the plurals of a group version that the API server serves."""
        try:
            found = await self._request("GET", f"/apis/{api_version}")
        except Missing:
            return set()
        return {item["name"] for item in found["resources"]}

    async def get(self, api_version: str, kind: str, namespace: str, name: str) -> Body | None:
        """Return an object, None when there is none."""
        try:
            return await self._request("GET", _path(api_version, kind, namespace, name))
        except Missing:
            return None

    async def list(
        self, api_version: str, kind: str, namespace: str, **selectors: str
    ) -> list[Body]:
        """Return objects; selectors are labelSelector and fieldSelector."""
        found = await self._request("GET", _path(api_version, kind, namespace), selectors)
        return cast(list[Body], found["items"])

    async def apply(self, manifest: Body) -> Body:
        """Apply an object on the server, as the one field manager that owns what it sets."""
        meta = manifest["metadata"]
        path = _path(manifest["apiVersion"], manifest["kind"], meta["namespace"], meta["name"])
        query = {"fieldManager": names.FIELD_MANAGER, "force": "true"}
        return await self._request("PATCH", path, query, manifest, "application/apply-patch+yaml")

    async def merge(
        self, api_version: str, kind: str, namespace: str, name: str, patch: Body, sub: str = ""
    ) -> Body:
        """Merge a patch into an object, or into its subresource `sub`.

        Raises:
            Conflict: the patch names a resourceVersion that is no longer the newest.
            Missing: the object is gone.
        """
        path = _path(api_version, kind, namespace, name, sub)
        query = {"fieldManager": names.FIELD_MANAGER}
        return await self._request("PATCH", path, query, patch, "application/merge-patch+json")

    async def create(self, body: Body) -> None:
        """Create an object; one that is there already is left as it is."""
        meta = body["metadata"]
        path = _path(body["apiVersion"], body["kind"], meta["namespace"])
        try:
            await self._request("POST", path, None, body)
        except Conflict:
            return

    async def replace(self, body: Body) -> Body:
        """Replace an object; its resourceVersion must be the newest."""
        meta = body["metadata"]
        path = _path(body["apiVersion"], body["kind"], meta["namespace"], meta["name"])
        return await self._request("PUT", path, None, body)

    async def delete(self, api_version: str, kind: str, namespace: str, name: str) -> None:
        """Delete an object, its dependants in the background; one that is gone is no error."""
        options = {"propagationPolicy": "Background"}
        with suppress(Missing):
            await self._request("DELETE", _path(api_version, kind, namespace, name), None, options)

    async def _request(
        self,
        verb: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Body | None = None,
        content: str = "application/json",
    ) -> Body:
        url = f"{path}?{urlencode(query)}" if query else path
        headers = {"Accept": "application/json", "Content-Type": content}
        prepared = await self._client.param_serialize(
            verb, url, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        response = await self._client.call_api(*prepared, _request_timeout=_TIMEOUT)
        text = await response.read()
        if response.status >= 300:
            raise _error(response.status, text)
        return cast(Body, json.loads(text))


def _path(api_version: str, kind: str, namespace: str, name: str = "", sub: str = "") -> str:
    root = "apis" if "/" in api_version else "api"
    parts = (root, api_version, "namespaces", namespace, _PLURALS[kind], name, sub)
    return "/" + "/".join(part for part in parts if part)


def _error(status: int, text: bytes) -> ApiError:
    try:
        message = json.loads(text).get("message", "")
    except ValueError:
        message = text.decode(errors="replace")[:512]
    return _ERRORS.get(status, ApiError)(status, message)
