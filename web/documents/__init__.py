"""The types behind pages and JSON."""
