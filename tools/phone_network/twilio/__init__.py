"""The second dialect: a number that asks one URL for TwiML documents and signs every request.

It is there so that the same handset script can be played against both dialects; its REST API is not.
"""
