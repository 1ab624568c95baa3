-- What crosses in NileCare's code, as `silogate explain --user billing_service` gets it: each line is
-- one statement of billing's. Its own first, then the crossings.
SELECT id, status FROM invoices WHERE patient_id = '00000002-0000-4000-8000-000000000001';
UPDATE invoices SET status = 'paid' WHERE id = '00000003-0000-4000-8000-000000000001';
SELECT * FROM clinical_data.patients WHERE id = '00000002-0000-4000-8000-000000000001';
SELECT email FROM auth_users WHERE id = '00000001-0000-4000-8000-000000000001';
UPDATE payments SET status = 'confirmed' WHERE id = '00000004-0000-4000-8000-000000000001';
SELECT i.invoice_number, p.last_name FROM invoices i JOIN clinical_data.patients p ON p.id = i.patient_id;
