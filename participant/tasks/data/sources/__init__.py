"""Tables as people have them: text of any dialect, Excel, Parquet, a database; read by a columns file beside them."""
