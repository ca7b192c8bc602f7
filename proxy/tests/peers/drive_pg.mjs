// node's pg, with its cursors and COPY streams: node drive_pg.mjs FOLDER host=… port=…

import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'

const [folder, ...words] = process.argv.slice(2)
const require = createRequire(`${folder}/package.json`)
const pg = require('pg')
const Cursor = require('pg-cursor')
const { from, to } = require('pg-copy-streams')

const how = Object.fromEntries(words.map((word) => word.split(/=(.*)/s)))
how.port = Number(how.port)
how.database = how.dbname
if (how.ssl) how.ssl = { ca: readFileSync(how.ssl) }

const features = {
  async types(client) {
    const { rows, fields, rowCount } = await client.query(
      `SELECT $1::int a, $2::text b, $3::jsonb c, $4::timestamptz d, $5::bytea e, $6::int[] f, $7::numeric g,
       $8::bool h, $9::uuid i, NULL j, 'high'::drivers.mood k`,
      [1, 'ü', { a: [1, null] }, new Date(0), Buffer.from([0, 255]), [1, null, 3], '1.50', true,
        '00000000-0000-0000-0000-000000000007'])
    return [rows, fields.map((field) => [field.name, field.dataTypeID]), rowCount]
  },
  async 'binary rows'(client) {
    const { rows } = await client.query({ text: 'SELECT id, name FROM drivers.people ORDER BY id', binary: true })
    return rows
  },
  async 'named statements'(client) {
    const told = []
    for (const n of [1, 2, 3]) {
      const { rows } = await client.query({ name: 'by-id', text: 'SELECT name FROM drivers.people WHERE id = $1', values: [n] })
      told.push(rows)
    }
    return told
  },
  async 'several statements'(client) {
    const results = await client.query("SELECT 1 a; SELECT 'x' b, 2 c")
    return results.map((result) => result.rows)
  },
  async 'rows as arrays'(client) {
    const { rows } = await client.query({ text: 'SELECT 1 a, 2 a', rowMode: 'array' })
    return rows
  },
  async cursor(client) {
    const cursor = client.query(new Cursor('SELECT generate_series(1, $1::int) n', [100]))
    const told = [await cursor.read(3), (await cursor.read(50)).length, (await cursor.read(100)).length]
    await cursor.close()
    return told
  },
  async copy(client) {
    await client.query('CREATE TEMP TABLE c (a int, b text)')
    const lines = Array.from({ length: 2000 }, (_, i) => `${i}\tline ${i}\n`)
    await pipeline(Readable.from(lines), client.query(from('COPY c FROM STDIN')))
    const chunks = []
    for await (const chunk of client.query(to('COPY (SELECT * FROM c WHERE a % 500 = 0 ORDER BY a) TO STDOUT CSV'))) {
      chunks.push(chunk)
    }
    return [Buffer.concat(chunks).toString(), (await client.query('SELECT count(*) FROM c')).rows]
  },
  async transactions(client) {
    const told = []
    await client.query('CREATE TEMP TABLE t (a int UNIQUE)')
    await client.query('BEGIN')
    await client.query('INSERT INTO t VALUES (1)')
    await client.query('SAVEPOINT s')
    try {
      await client.query('INSERT INTO t VALUES ($1)', [1])
    } catch (error) {
      told.push([error.message, error.code, error.detail, error.constraint])
    }
    await client.query('ROLLBACK TO s')
    await client.query('COMMIT')
    told.push((await client.query('SELECT a FROM t')).rows)
    return told
  },
  async errors(client) {
    const told = []
    for (const text of ['SELECT 1/0', 'SELECT nope FROM drivers.people']) {
      try {
        await client.query(text)
      } catch (error) {
        told.push([error.message, error.code, error.position])
      }
    }
    return told
  },
  async 'a timeout of the statement'(client) {
    await client.query('SET statement_timeout = 100')
    try {
      await client.query('SELECT pg_sleep(30)')
    } catch (error) {
      return [error.message, (await client.query('SELECT 7 n')).rows]
    }
  },
  async notifications(client) {
    const heard = new Promise((resolve) => client.on('notification', ({ channel, payload }) => resolve([channel, payload])))
    await client.query('LISTEN drivers_pg')
    await client.query("SELECT pg_notify('drivers_pg', $1)", [''])
    return heard
  },
  async notices(client) {
    const heard = new Promise((resolve) => client.on('notice', ({ message, code }) => resolve([message, code])))
    await client.query('DROP TABLE IF EXISTS nowhere')
    return heard
  },
}

for (const [name, feature] of Object.entries(features)) {
  const client = new pg.Client(how)
  await client.connect()
  let result
  try {
    result = await feature(client)
  } catch (error) {
    result = ['raised', error.message]
  }
  console.log(`${name}: ${JSON.stringify(result)}`)
  await client.end()
}

const pool = new pg.Pool({ ...how, max: 4 })
const all = await Promise.all(Array.from({ length: 50 }, (_, i) => pool.query('SELECT $1::int * 2 n', [i])))
console.log(`a pool: ${all.reduce((sum, { rows }) => sum + rows[0].n, 0)}`)
await pool.end()
