-- Statements of the ems service: the first three are meant, the last three are not.
SELECT id, from_facility_id, to_facility_id FROM medport_hospital.transport_requests WHERE status = 'open';
UPDATE medport_hospital.transport_requests SET status = 'en_route' WHERE id = '00000001-0000-4000-8000-000000000001';
SELECT password_hash FROM medport_center.users WHERE email = 'someone@ems.example';
SELECT * FROM medport_hospital.hospital_users;
UPDATE medport_center.users SET password_hash = '' WHERE email = 'someone@ems.example';
DELETE FROM medport_center.audit_logs;
