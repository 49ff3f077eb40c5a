"""As logs and the API write them, in UTC: what stands on a page can be looked for elsewhere."""

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = "Y-m-d H:i:s"
