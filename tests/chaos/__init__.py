"""Everything goes wrong at once, from a seed that is printed, and nothing that was acknowledged is lost or done twice.

`havoc` is what happens to Laurel, `clients` are those who use it meanwhile, `promises` what must hold in the end.
"""
