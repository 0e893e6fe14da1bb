"""Work outside of requests: accepted in the database, carried by RQ, done by workers.

The row in `jobs` is the truth and Redis only the messenger: a message holds nothing but the row's
id. What Redis loses, a sweep sends again; what it delivers twice, the row refuses the second time.
"""
