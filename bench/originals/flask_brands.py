"""`GET /brands` by Flask, for gunicorn: a connection for each of its processes, and one request of
each at a time."""

import os

import psycopg2
from flask import Flask, jsonify

app = Flask(__name__)
connection = psycopg2.connect(os.environ["DATABASE"])
connection.autocommit = True


@app.get("/brands")
def brands():
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM brands ORDER BY id")
        rows = cursor.fetchall()
    return jsonify([{"brand_id": number, "brand_name": name} for number, name in rows])
