"""Functions for Lambda: the HTTP API behind API Gateway, and S3's events.

`onecopy.aws.functions.api.handler`, `onecopy.aws.functions.events.handler` and
`onecopy.aws.functions.checksums.handler` are the entry points. Each opens its index and store once,
while its process starts.
"""
