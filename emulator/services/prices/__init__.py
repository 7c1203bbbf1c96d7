"""The Azure Retail Prices API, answered from a small dated snapshot."""
