"""Errors of the data plane, with the codes, statuses and words that Azure uses.

Source: "Common REST API error codes" and "Blob Storage error codes" in the REST
reference of Azure Storage. The wording is close to Azure's; the codes are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "AppendPositionConditionNotMet": (
            412,
            "The append position condition specified was not met.",
        ),
        "AuthenticationFailed": (
            403,
            (
                "Server failed to authenticate the request. Make sure the value of"
                " Authorization header is formed correctly including the signature."
            ),
        ),
        "AuthorizationFailure": (
            403,
            "This request is not authorized to perform this operation.",
        ),
        "AuthorizationPermissionMismatch": (
            403,
            (
                "This request is not authorized to perform this operation using this"
                " permission."
            ),
        ),
        "AuthorizationProtocolMismatch": (
            403,
            (
                "This request is not authorized to perform this operation using this"
                " protocol."
            ),
        ),
        "AuthorizationResourceTypeMismatch": (
            403,
            (
                "This request is not authorized to perform this operation using this"
                " resource type."
            ),
        ),
        "AuthorizationServiceMismatch": (
            403,
            (
                "This request is not authorized to perform this operation using this"
                " service."
            ),
        ),
        "AuthorizationSourceIPMismatch": (
            403,
            (
                "This request is not authorized to perform this operation using this"
                " source IP."
            ),
        ),
        "BlobAlreadyExists": (409, "The specified blob already exists."),
        "BlobArchived": (
            409,
            "This operation is not permitted on an archived blob.",
        ),
        "BlobIsSealed": (
            409,
            "The specified blob is sealed and its contents can't be modified.",
        ),
        "BlobNotFound": (404, "The specified blob does not exist."),
        "BlockCountExceedsLimit": (
            409,
            (
                "The committed block count cannot exceed the maximum limit of 50,000"
                " blocks."
            ),
        ),
        "CannotVerifyCopySource": (404, "Could not verify the copy source."),
        "ConditionNotMet": (
            412,
            "The condition specified using HTTP conditional header(s) is not met.",
        ),
        "ContainerAlreadyExists": (409, "The specified container already exists."),
        "ContainerNotFound": (404, "The specified container does not exist."),
        "CopyIdMismatch": (
            409,
            (
                "The specified copy ID did not match the copy ID for the pending copy"
                " operation."
            ),
        ),
        "InternalError": (
            500,
            "The server encountered an internal error. Please retry the request.",
        ),
        "InvalidAuthenticationInfo": (401, "Server failed to authenticate the request"),
        "InvalidBlobOrBlock": (400, "The specified blob or block content is invalid."),
        "InvalidBlobType": (
            409,
            "The blob type is invalid for this operation.",
        ),
        "InvalidBlockId": (
            400,
            "The specified block ID is invalid. The block ID must be Base64-encoded.",
        ),
        "InvalidBlockList": (400, "The specified block list is invalid."),
        "InvalidHeaderValue": (
            400,
            "The value for one of the HTTP headers is not in the correct format.",
        ),
        "InvalidInput": (400, "One of the request inputs is not valid."),
        "InvalidMd5": (400, "The MD5 value specified in the request is invalid."),
        "InvalidMetadata": (
            400,
            (
                "The specified metadata is invalid. It includes characters that are not"
                " permitted."
            ),
        ),
        "InvalidPageRange": (416, "The page range specified is invalid."),
        "InvalidQueryParameterValue": (
            400,
            (
                "Value for one of the query parameters specified in the request URI is"
                " invalid."
            ),
        ),
        "InvalidRange": (
            416,
            "The range specified is invalid for the current size of the resource.",
        ),
        "InvalidResourceName": (
            400,
            "The specified resource name contains invalid characters.",
        ),
        "InvalidUri": (400, "The request URI is invalid."),
        "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
        "KeyBasedAuthenticationNotPermitted": (
            403,
            "Key based authentication is not permitted on this storage account.",
        ),
        "LeaseAlreadyBroken": (
            409,
            "The lease has already been broken and cannot be broken again.",
        ),
        "LeaseAlreadyPresent": (409, "There is already a lease present."),
        "LeaseIdMismatchWithBlobOperation": (
            412,
            "The lease ID specified did not match the lease ID for the blob.",
        ),
        "LeaseIdMismatchWithContainerOperation": (
            412,
            "The lease ID specified did not match the lease ID for the container.",
        ),
        "LeaseIdMismatchWithLeaseOperation": (
            409,
            "The lease ID specified did not match the lease ID for the blob/container.",
        ),
        "LeaseIdMissing": (
            412,
            (
                "There is currently a lease on the resource and no lease ID was"
                " specified in the request."
            ),
        ),
        "LeaseIsBreakingAndCannotBeAcquired": (
            409,
            (
                "The lease ID matched, but the lease is currently in breaking state and"
                " cannot be acquired until it is broken."
            ),
        ),
        "LeaseIsBreakingAndCannotBeChanged": (
            409,
            (
                "The lease ID matched, but the lease is currently in breaking state and"
                " cannot be changed."
            ),
        ),
        "LeaseIsBrokenAndCannotBeRenewed": (
            409,
            (
                "The lease ID matched, but the lease has been broken explicitly and"
                " cannot be renewed."
            ),
        ),
        "LeaseLost": (
            412,
            "A lease ID was specified, but the lease for the resource has expired.",
        ),
        "LeaseNotPresentWithBlobOperation": (
            412,
            "There is currently no lease on the blob.",
        ),
        "LeaseNotPresentWithContainerOperation": (
            412,
            "There is currently no lease on the container.",
        ),
        "LeaseNotPresentWithLeaseOperation": (
            409,
            "There is currently no lease on the resource.",
        ),
        "MaxBlobSizeConditionNotMet": (
            412,
            "The max blob size condition specified was not met.",
        ),
        "Md5Mismatch": (
            400,
            (
                "The MD5 value specified in the request did not match with the MD5"
                " value calculated by the server."
            ),
        ),
        "MissingContentLengthHeader": (411, "Content-Length HTTP header is missing."),
        "MissingRequiredHeader": (
            400,
            "An HTTP header that's mandatory for this request is not specified.",
        ),
        "NoAuthenticationInformation": (
            401,
            (
                "Server failed to authenticate the request. Please refer to the"
                " information in the www-authenticate header."
            ),
        ),
        "NoPendingCopyOperation": (
            409,
            "There is currently no pending copy operation.",
        ),
        "NotImplemented": (501, "The requested operation is not implemented."),
        "OutOfRangeInput": (
            400,
            "One of the request inputs is out of range.",
        ),
        "OutOfRangeQueryParameterValue": (
            400,
            (
                "One of the query parameters specified in the request URI is outside"
                " the permissible range."
            ),
        ),
        "PendingCopyOperation": (
            409,
            "There is currently a pending copy operation.",
        ),
        "PublicAccessNotPermitted": (
            409,
            "Public access is not permitted on this storage account.",
        ),
        "RequestBodyTooLarge": (
            413,
            "The request body is too large and exceeds the maximum permissible limit.",
        ),
        "ResourceNotFound": (404, "The specified resource does not exist."),
        "SequenceNumberConditionNotMet": (
            412,
            "The sequence number condition specified was not met.",
        ),
        "ServerBusy": (
            503,
            (
                "The server is currently unable to receive requests. Please retry your"
                " request."
            ),
        ),
        "SourceConditionNotMet": (
            412,
            (
                "The source condition specified using HTTP conditional header(s) is not"
                " met."
            ),
        ),
        "UnauthorizedBlobOverwrite": (
            403,
            "This request is not authorized to perform blob overwrites.",
        ),
        "UnsupportedHeader": (
            400,
            "One of the HTTP headers specified in the request is not supported.",
        ),
        "UnsupportedHttpVerb": (
            405,
            "The resource doesn't support specified Http Verb.",
        ),
    }
)


class BlobError(Exception):
    """An answer that refuses a request.

    Args:
        code: One of `CODES`; any other with a `status` only.
        detail: What is added to Azure's sentence: the name, what was given, what
            was expected.
        status: Another status than the code's usual one.
        headers: Further response headers, such as the challenge of a 401.
        fields: Further elements of the XML body.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        usual_status, sentence = (
            CODES[code] if status is None else CODES.get(code, (status, ""))
        )
        self.code = code
        self.status = status or usual_status
        self.message = f"{sentence} {detail}".strip()
        self.headers = dict(headers or {})
        self.fields = dict(fields or {})
        super().__init__(f"{code}: {self.message}")
