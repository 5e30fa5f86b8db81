"""Reading stored objects completely, which proves their content digests.

parts     the digests of one object's parts, computed by several threads
objects   many objects at once, large ones in ranges
wanted    the objects that are to be read
"""
