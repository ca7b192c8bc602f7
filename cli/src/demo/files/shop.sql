-- The demonstration's database: a small shop, owned by a role that may do everything, so that only
-- the proxy can be what stops a statement.
CREATE TABLE customers (
    id int PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    ssn text NOT NULL,
    notes text
);
CREATE TABLE orders (
    id int PRIMARY KEY,
    customer int NOT NULL REFERENCES customers,
    amount numeric(10, 2) NOT NULL,
    status text NOT NULL
);
CREATE VIEW order_overview AS
    SELECT o.id, c.name AS customer, c.email AS contact, o.amount, o.status
    FROM orders o JOIN customers c ON c.id = o.customer;

INSERT INTO customers VALUES
    (1, 'Ada Obi', 'ada@example.com', '536-90-4399', 'prefers mail'),
    (2, 'Ben Sato', 'ben@example.com', '219-09-9998', 'paid with 4111 1111 1111 1111 by phone'),
    (3, 'Cleo Marin', 'cleo@example.com', '457-55-5462', NULL);
INSERT INTO orders
    SELECT n, 1 + n % 3, round((n * 7.3)::numeric % 500, 2), CASE n % 4 WHEN 0 THEN 'open' ELSE 'paid' END
    FROM generate_series(1, 1000) n;
ANALYZE;
