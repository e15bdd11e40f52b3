"""Metering: events in, mergeable aggregates kept. Every event is taken by all meters that read its type, or by none.

events.py      what an event is, and reading batches of them
measures.py    what one event gives its meters, by the reference
printing.py    the same printed as Python for what events usually are
batch.py       one batch: validated, measured, added up by customer, meter, hour and cell
merging.py     a batch made durable: ids deduplicated and aggregates merged, set by set, for each database
ingest.py      the whole way, in one transaction for each batch
files.py       events from NDJSON, CSV and Parquet files
"""
