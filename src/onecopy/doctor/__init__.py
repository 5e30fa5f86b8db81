"""`onecopy doctor`: examines index, store and service, and says how to fix what is wrong.

    finding          Finding: the result of one check
    index            whether the index belongs to the store
    store            a store that receives bytes through our process (a folder)
    service          a service, and the permissions of a token
    clock            the difference between two machines' clocks
    bucket           a bucket: access, region, endpoint, and its capabilities
    cors             whether pages of a web origin may upload to the bucket
    cognito          the Cognito pool at which users of a service sign in
    configuration    versioning and encryption of the bucket
    lifecycle        what the bucket's lifecycle rules do to uploads and objects
    policy           the minimal IAM policy for the bucket

Each `examine_…` function yields findings. Nothing else in onecopy depends on this package, except
the command and the deployment.
"""
