"""`onecopy doctor`: examines index, store and service, and says how to fix what is wrong."""
