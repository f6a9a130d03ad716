"""What audits say, on Chinese pages: in Chinese as far as its words are known (findings.toml), else as it was said."""
