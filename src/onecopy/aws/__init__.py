"""Lambda: the service behind API Gateway, and what S3 tells of its objects.

`onecopy.aws.api.handler`, `onecopy.aws.events.handler` and `onecopy.aws.checksums.handler` are the
functions; each opens what it needs once, while its process starts.
"""
