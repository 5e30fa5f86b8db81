"""The steps of an upload, each with its own threads; `upload.pipeline` connects them."""
