"""Metering: events in, mergeable aggregates kept. Every event is taken by all meters that read its type, or by none.

events.py       what an event is, and reading batches of them
measures.py     a meter's expressions compiled: what one event gives its meters
batch.py        one batch: validated, measured, added up by customer, meter, hour and cell
sqlite.py, postgresql.py   a batch made durable: ids deduplicated and aggregates merged, set by set
ingest.py       the whole way, in one transaction for each batch
files.py        events from NDJSON, CSV and Parquet files
"""
