"""Commands about bundles: what an auditor without network, node or our code is given."""
