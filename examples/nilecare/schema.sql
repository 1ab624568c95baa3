-- NileCare in mid-migration, as silogate meets it: most services share the database `nilecare`, auth
-- has moved into its own, billing and payment are next. See README.md. Every row is invented.
-- Runs on MySQL 8.0 to 9.7 and MariaDB 10.11 on an empty server, as root.

SET NAMES utf8mb4;
CREATE DATABASE nilecare CHARACTER SET utf8mb4;
CREATE DATABASE clinical_data CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_business CHARACTER SET utf8mb4;
CREATE DATABASE business_operations CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_auth CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_billing CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_payment CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_clinical CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_facility CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_lab CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_medication CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_cds CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_inventory CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_interop CHARACTER SET utf8mb4;
CREATE DATABASE nilecare_appointment CHARACTER SET utf8mb4;

-- auth: has moved to nilecare_auth; its old names in nilecare are views, for those who still ask there
CREATE TABLE nilecare_auth.auth_users (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    email VARCHAR(255) NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    first_name VARCHAR(100),
    last_name VARCHAR(100),
    role ENUM('doctor', 'nurse', 'clerk', 'admin') NOT NULL DEFAULT 'clerk',
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    UNIQUE KEY idx_auth_users_email (email)
) ENGINE=InnoDB;
CREATE TABLE nilecare_auth.auth_refresh_tokens (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    user_id CHAR(36) NOT NULL,
    token_hash CHAR(64) NOT NULL,
    expires_at TIMESTAMP NULL,
    is_revoked BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    KEY idx_auth_refresh_tokens_user_id (user_id),
    FOREIGN KEY (user_id) REFERENCES nilecare_auth.auth_users (id) ON DELETE CASCADE
) ENGINE=InnoDB;
CREATE TABLE nilecare_auth.auth_devices (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    user_id CHAR(36) NOT NULL,
    fingerprint CHAR(64) NOT NULL,
    is_trusted BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_auth_devices_user_id (user_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare_auth.auth_roles (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(50) NOT NULL,
    is_system BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_auth_roles_name (name)
) ENGINE=InnoDB;
CREATE TABLE nilecare_auth.auth_permissions (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    role_id CHAR(36) NOT NULL,
    resource VARCHAR(100) NOT NULL,
    action ENUM('create', 'read', 'update', 'delete') NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_auth_permissions_role_id (role_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare_auth.auth_audit_logs (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    user_id CHAR(36),
    action VARCHAR(100) NOT NULL,
    old_values JSON,
    new_values JSON,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    KEY idx_auth_audit_logs_user_id (user_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare_auth.auth_login_attempts (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    email VARCHAR(255) NOT NULL,
    is_success BOOLEAN NOT NULL,
    reason VARCHAR(100),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    KEY idx_auth_login_attempts_email (email)
) ENGINE=InnoDB;
CREATE VIEW nilecare_auth.v_active_users AS
    SELECT id, email, role FROM nilecare_auth.auth_users WHERE is_active;
CREATE VIEW nilecare_auth.v_user_sessions AS
    SELECT u.id AS user_id, u.email, t.expires_at
    FROM nilecare_auth.auth_users u JOIN nilecare_auth.auth_refresh_tokens t ON t.user_id = u.id
    WHERE NOT t.is_revoked;
CREATE VIEW nilecare_auth.v_recent_failed_logins AS
    SELECT email, COUNT(*) AS attempts FROM nilecare_auth.auth_login_attempts
    WHERE NOT is_success GROUP BY email;
CREATE VIEW nilecare_auth.v_audit_summary AS
    SELECT action, COUNT(*) AS entries FROM nilecare_auth.auth_audit_logs GROUP BY action;

-- billing: still in nilecare
CREATE TABLE nilecare.billing_accounts (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    balance DECIMAL(12,2) NOT NULL DEFAULT 0,
    currency CHAR(3) NOT NULL DEFAULT 'SDG',
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_billing_accounts_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.charge_master (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    code VARCHAR(20) NOT NULL,
    description VARCHAR(255) NOT NULL,
    price DECIMAL(12,2) NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    UNIQUE KEY idx_charge_master_code (code)
) ENGINE=InnoDB;
CREATE TABLE nilecare.invoices (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    invoice_number VARCHAR(30) NOT NULL,
    patient_id CHAR(36) NOT NULL,
    billing_account_id CHAR(36),
    status ENUM('draft', 'pending', 'partially_paid', 'paid', 'cancelled') NOT NULL DEFAULT 'draft',
    total_amount DECIMAL(12,2) NOT NULL DEFAULT 0,
    paid_amount DECIMAL(12,2) NOT NULL DEFAULT 0,
    due_date DATE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    UNIQUE KEY idx_invoices_invoice_number (invoice_number),
    KEY idx_invoices_patient_id (patient_id),
    KEY idx_invoices_status (status)
) ENGINE=InnoDB;
CREATE TABLE nilecare.invoice_line_items (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    invoice_id CHAR(36) NOT NULL,
    charge_code VARCHAR(20),
    quantity INT NOT NULL DEFAULT 1,
    amount DECIMAL(12,2) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_invoice_line_items_invoice_id (invoice_id),
    FOREIGN KEY (invoice_id) REFERENCES nilecare.invoices (id) ON DELETE CASCADE
) ENGINE=InnoDB;
CREATE TABLE nilecare.invoice_payment_allocations (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    invoice_id CHAR(36) NOT NULL,
    payment_id CHAR(36) NOT NULL,
    amount DECIMAL(12,2) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_invoice_payment_allocations_invoice_id (invoice_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.insurance_claims (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    invoice_id CHAR(36) NOT NULL,
    claim_number VARCHAR(30) NOT NULL,
    status ENUM('submitted', 'approved', 'rejected') NOT NULL DEFAULT 'submitted',
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_insurance_claims_invoice_id (invoice_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.claim_line_items (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    claim_id CHAR(36) NOT NULL,
    amount DECIMAL(12,2) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_claim_line_items_claim_id (claim_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.billing_adjustments (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    invoice_id CHAR(36) NOT NULL,
    amount DECIMAL(12,2) NOT NULL,
    reason VARCHAR(255),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_billing_adjustments_invoice_id (invoice_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.billing_audit_log (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    entity VARCHAR(50) NOT NULL,
    entity_id CHAR(36),
    old_values JSON,
    new_values JSON,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    KEY idx_billing_audit_log_entity_id (entity_id)
) ENGINE=InnoDB;

-- payment: still in nilecare; payments.invoice_id is a foreign key into billing's silo
CREATE TABLE nilecare.payment_providers (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL,
    type ENUM('card', 'mobile_wallet', 'bank', 'cash') NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.payments (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    invoice_id CHAR(36),
    provider_id CHAR(36),
    amount DECIMAL(12,2) NOT NULL,
    status ENUM('pending', 'confirmed', 'failed', 'refunded') NOT NULL DEFAULT 'pending',
    reference VARCHAR(64),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_payments_invoice_id (invoice_id),
    KEY idx_payments_status (status),
    CONSTRAINT fk_payments_invoice_id FOREIGN KEY (invoice_id) REFERENCES nilecare.invoices (id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.payment_refunds (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    payment_id CHAR(36) NOT NULL,
    amount DECIMAL(12,2) NOT NULL,
    reason VARCHAR(255),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_payment_refunds_payment_id (payment_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.payment_reconciliation (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    payment_id CHAR(36) NOT NULL,
    bank_reference VARCHAR(64),
    is_matched BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_payment_reconciliation_payment_id (payment_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.invoice_payments (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    invoice_id CHAR(36) NOT NULL,
    payment_id CHAR(36) NOT NULL,
    amount DECIMAL(12,2) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_invoice_payments_invoice_id (invoice_id),
    KEY idx_invoice_payments_payment_id (payment_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.payment_installment_plans (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    invoice_id CHAR(36) NOT NULL,
    months INT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_payment_installment_plans_invoice_id (invoice_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.installment_schedule (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    plan_id CHAR(36) NOT NULL,
    due_date DATE NOT NULL,
    amount DECIMAL(12,2) NOT NULL,
    is_paid BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_installment_schedule_plan_id (plan_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.payment_webhooks (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    provider_id CHAR(36),
    payload JSON,
    is_processed BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.payment_disputes (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    payment_id CHAR(36) NOT NULL,
    status ENUM('open', 'won', 'lost') NOT NULL DEFAULT 'open',
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_payment_disputes_payment_id (payment_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.payment_analytics_daily (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    day DATE NOT NULL,
    total DECIMAL(14,2) NOT NULL DEFAULT 0,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_payment_analytics_daily_day (day)
) ENGINE=InnoDB;

-- clinical: the code calls its schema clinical_data; in nilecare it has views
CREATE TABLE clinical_data.patients (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    mrn VARCHAR(20) NOT NULL,
    first_name VARCHAR(100) NOT NULL,
    last_name VARCHAR(100) NOT NULL,
    date_of_birth DATE,
    gender ENUM('female', 'male', 'other'),
    phone VARCHAR(30),
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    UNIQUE KEY idx_patients_mrn (mrn),
    KEY idx_patients_last_name (last_name)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.encounters (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    facility_id CHAR(36),
    type ENUM('outpatient', 'inpatient', 'emergency') NOT NULL,
    started_at TIMESTAMP NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_encounters_patient_id (patient_id),
    FOREIGN KEY (patient_id) REFERENCES clinical_data.patients (id)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.diagnoses (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    code VARCHAR(10) NOT NULL,
    description VARCHAR(255),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_diagnoses_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.allergies (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    substance VARCHAR(100) NOT NULL,
    severity ENUM('mild', 'moderate', 'severe'),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_allergies_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.vital_signs (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    heart_rate INT,
    systolic INT,
    diastolic INT,
    temperature DECIMAL(4,1),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_vital_signs_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.procedures (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    code VARCHAR(10) NOT NULL,
    performed_at TIMESTAMP NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_procedures_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.immunizations (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    vaccine VARCHAR(100) NOT NULL,
    dose INT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_immunizations_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.clinical_notes (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    author_id CHAR(36),
    body TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_clinical_notes_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.care_plans (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    goal VARCHAR(255),
    status ENUM('active', 'completed') NOT NULL DEFAULT 'active',
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_care_plans_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.referrals (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    to_department_id CHAR(36),
    reason VARCHAR(255),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_referrals_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.problem_lists (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    problem VARCHAR(255) NOT NULL,
    is_resolved BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_problem_lists_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE clinical_data.audit_log (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    table_name VARCHAR(64) NOT NULL,
    row_id CHAR(36),
    action ENUM('insert', 'update', 'delete') NOT NULL,
    old_values JSON,
    new_values JSON,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    KEY idx_audit_log_row_id (row_id)
) ENGINE=InnoDB;
CREATE TRIGGER clinical_data.patients_audit_update AFTER UPDATE ON clinical_data.patients FOR EACH ROW
    INSERT INTO clinical_data.audit_log (table_name, row_id, action, old_values, new_values)
    VALUES ('patients', NEW.id, 'update', JSON_OBJECT('phone', OLD.phone, 'is_active', OLD.is_active),
            JSON_OBJECT('phone', NEW.phone, 'is_active', NEW.is_active));
CREATE TRIGGER clinical_data.patients_audit_insert AFTER INSERT ON clinical_data.patients FOR EACH ROW
    INSERT INTO clinical_data.audit_log (table_name, row_id, action, new_values)
    VALUES ('patients', NEW.id, 'insert', JSON_OBJECT('mrn', NEW.mrn));

-- business: in a database of its own already; the code also calls it business_operations.
-- claims.patient_id is a foreign key into clinical's silo
CREATE TABLE nilecare_business.appointments (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    provider_id CHAR(36),
    starts_at TIMESTAMP NULL,
    status ENUM('scheduled', 'confirmed', 'completed', 'cancelled') NOT NULL DEFAULT 'scheduled',
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_appointments_patient_id (patient_id),
    KEY idx_appointments_starts_at (starts_at)
) ENGINE=InnoDB;
CREATE TABLE nilecare_business.waitlist (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    department_id CHAR(36),
    priority INT NOT NULL DEFAULT 0,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_waitlist_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare_business.insurance_policies (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    company VARCHAR(100) NOT NULL,
    policy_number VARCHAR(30) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_insurance_policies_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare_business.claims (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    policy_id CHAR(36),
    amount DECIMAL(12,2) NOT NULL,
    status ENUM('open', 'approved', 'rejected') NOT NULL DEFAULT 'open',
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_claims_patient_id (patient_id),
    CONSTRAINT fk_claims_patient_id FOREIGN KEY (patient_id) REFERENCES clinical_data.patients (id)
) ENGINE=InnoDB;
CREATE TABLE nilecare_business.suppliers (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare_business.purchase_orders (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    supplier_id CHAR(36) NOT NULL,
    status ENUM('draft', 'sent', 'received') NOT NULL DEFAULT 'draft',
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_purchase_orders_supplier_id (supplier_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare_business.purchase_order_items (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    purchase_order_id CHAR(36) NOT NULL,
    item_code VARCHAR(30) NOT NULL,
    quantity INT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_purchase_order_items_purchase_order_id (purchase_order_id)
) ENGINE=InnoDB;

-- facility, lab, medication, cds, inventory, hl7: still in nilecare
CREATE TABLE nilecare.facilities (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL,
    city VARCHAR(100),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.departments (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    facility_id CHAR(36) NOT NULL,
    name VARCHAR(100) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_departments_facility_id (facility_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.wards (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    department_id CHAR(36) NOT NULL,
    name VARCHAR(100) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_wards_department_id (department_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.rooms (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    ward_id CHAR(36) NOT NULL,
    number VARCHAR(10) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_rooms_ward_id (ward_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.beds (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    room_id CHAR(36) NOT NULL,
    status ENUM('free', 'occupied', 'cleaning') NOT NULL DEFAULT 'free',
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_beds_room_id (room_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.lab_tests (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    code VARCHAR(20) NOT NULL,
    name VARCHAR(100) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_lab_tests_code (code)
) ENGINE=InnoDB;
CREATE TABLE nilecare.lab_orders (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    test_id CHAR(36),
    status ENUM('ordered', 'collected', 'resulted') NOT NULL DEFAULT 'ordered',
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_lab_orders_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.lab_samples (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    order_id CHAR(36) NOT NULL,
    barcode VARCHAR(30) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_lab_samples_order_id (order_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.lab_results (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    order_id CHAR(36) NOT NULL,
    value VARCHAR(50),
    is_abnormal BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_lab_results_order_id (order_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.medications (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL,
    form ENUM('tablet', 'syrup', 'injection') NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_medications_name (name)
) ENGINE=InnoDB;
CREATE TABLE nilecare.prescriptions (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    prescriber_id CHAR(36),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_prescriptions_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.prescription_items (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    prescription_id CHAR(36) NOT NULL,
    medication_id CHAR(36) NOT NULL,
    dose VARCHAR(50),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_prescription_items_prescription_id (prescription_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.medication_administrations (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    prescription_item_id CHAR(36) NOT NULL,
    given_at TIMESTAMP NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_medication_administrations_prescription_item_id (prescription_item_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.medication_reconciliation (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    is_complete BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_medication_reconciliation_patient_id (patient_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.cds_rules (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.cds_alerts (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    rule_id CHAR(36),
    severity ENUM('info', 'warning', 'critical') NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.cds_guidelines (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    title VARCHAR(255) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.cds_drug_interactions (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    first_medication_id CHAR(36) NOT NULL,
    second_medication_id CHAR(36) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.cds_recommendations (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    patient_id CHAR(36) NOT NULL,
    body TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.cds_overrides (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    alert_id CHAR(36) NOT NULL,
    reason VARCHAR(255),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.inventory_locations (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.inventory_items (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    code VARCHAR(30) NOT NULL,
    name VARCHAR(100) NOT NULL,
    quantity INT NOT NULL DEFAULT 0,
    location_id CHAR(36),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_inventory_items_code (code)
) ENGINE=InnoDB;
CREATE TABLE nilecare.inventory_transactions (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    item_id CHAR(36) NOT NULL,
    quantity INT NOT NULL,
    type ENUM('in', 'out', 'adjustment') NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_inventory_transactions_item_id (item_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.inventory_batches (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    item_id CHAR(36) NOT NULL,
    expires_on DATE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_inventory_batches_item_id (item_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.inventory_reservations (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    item_id CHAR(36) NOT NULL,
    quantity INT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY idx_inventory_reservations_item_id (item_id)
) ENGINE=InnoDB;
CREATE TABLE nilecare.hl7_messages (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    type VARCHAR(10) NOT NULL,
    body TEXT,
    status ENUM('received', 'processed', 'failed') NOT NULL DEFAULT 'received',
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.hl7_acknowledgements (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    message_id CHAR(36) NOT NULL,
    code CHAR(2) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.hl7_endpoints (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE nilecare.hl7_mappings (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    source VARCHAR(100) NOT NULL,
    target VARCHAR(100) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;

-- The old names of what has moved, and the code's other names: views, so that nothing breaks at once
CREATE VIEW nilecare.auth_users AS SELECT * FROM nilecare_auth.auth_users;
CREATE VIEW nilecare.auth_refresh_tokens AS SELECT * FROM nilecare_auth.auth_refresh_tokens;
CREATE VIEW nilecare.auth_devices AS SELECT * FROM nilecare_auth.auth_devices;
CREATE VIEW nilecare.auth_roles AS SELECT * FROM nilecare_auth.auth_roles;
CREATE VIEW nilecare.auth_permissions AS SELECT * FROM nilecare_auth.auth_permissions;
CREATE VIEW nilecare.auth_audit_logs AS SELECT * FROM nilecare_auth.auth_audit_logs;
CREATE VIEW nilecare.auth_login_attempts AS SELECT * FROM nilecare_auth.auth_login_attempts;
CREATE VIEW nilecare.v_active_users AS SELECT * FROM nilecare_auth.v_active_users;
CREATE VIEW nilecare.v_user_sessions AS SELECT * FROM nilecare_auth.v_user_sessions;
CREATE VIEW nilecare.v_recent_failed_logins AS SELECT * FROM nilecare_auth.v_recent_failed_logins;
CREATE VIEW nilecare.v_audit_summary AS SELECT * FROM nilecare_auth.v_audit_summary;
CREATE VIEW nilecare.patients AS SELECT * FROM clinical_data.patients;
CREATE VIEW nilecare.encounters AS SELECT * FROM clinical_data.encounters;
CREATE VIEW nilecare.diagnoses AS SELECT * FROM clinical_data.diagnoses;
CREATE VIEW nilecare.allergies AS SELECT * FROM clinical_data.allergies;
CREATE VIEW nilecare.vital_signs AS SELECT * FROM clinical_data.vital_signs;
CREATE VIEW nilecare.procedures AS SELECT * FROM clinical_data.procedures;
CREATE VIEW nilecare.immunizations AS SELECT * FROM clinical_data.immunizations;
CREATE VIEW nilecare.clinical_notes AS SELECT * FROM clinical_data.clinical_notes;
CREATE VIEW nilecare.care_plans AS SELECT * FROM clinical_data.care_plans;
CREATE VIEW nilecare.referrals AS SELECT * FROM clinical_data.referrals;
CREATE VIEW nilecare.problem_lists AS SELECT * FROM clinical_data.problem_lists;
CREATE VIEW nilecare.audit_log AS SELECT * FROM clinical_data.audit_log;
CREATE VIEW business_operations.appointments AS SELECT * FROM nilecare_business.appointments;
CREATE VIEW business_operations.waitlist AS SELECT * FROM nilecare_business.waitlist;
CREATE VIEW business_operations.insurance_policies AS SELECT * FROM nilecare_business.insurance_policies;
CREATE VIEW business_operations.claims AS SELECT * FROM nilecare_business.claims;
CREATE VIEW business_operations.suppliers AS SELECT * FROM nilecare_business.suppliers;
CREATE VIEW business_operations.purchase_orders AS SELECT * FROM nilecare_business.purchase_orders;
CREATE VIEW business_operations.purchase_order_items AS SELECT * FROM nilecare_business.purchase_order_items;

-- The next to move: billing's and payment's databases are ready, with views where tables will be
CREATE VIEW nilecare_billing.billing_accounts AS SELECT * FROM nilecare.billing_accounts;
CREATE VIEW nilecare_billing.charge_master AS SELECT * FROM nilecare.charge_master;
CREATE VIEW nilecare_billing.invoices AS SELECT * FROM nilecare.invoices;
CREATE VIEW nilecare_billing.invoice_line_items AS SELECT * FROM nilecare.invoice_line_items;
CREATE VIEW nilecare_billing.invoice_payment_allocations AS SELECT * FROM nilecare.invoice_payment_allocations;
CREATE VIEW nilecare_billing.insurance_claims AS SELECT * FROM nilecare.insurance_claims;
CREATE VIEW nilecare_billing.claim_line_items AS SELECT * FROM nilecare.claim_line_items;
CREATE VIEW nilecare_billing.billing_adjustments AS SELECT * FROM nilecare.billing_adjustments;
CREATE VIEW nilecare_billing.billing_audit_log AS SELECT * FROM nilecare.billing_audit_log;
CREATE VIEW nilecare_payment.payment_providers AS SELECT * FROM nilecare.payment_providers;
CREATE VIEW nilecare_payment.payments AS SELECT * FROM nilecare.payments;
CREATE VIEW nilecare_payment.payment_refunds AS SELECT * FROM nilecare.payment_refunds;
CREATE VIEW nilecare_payment.payment_reconciliation AS SELECT * FROM nilecare.payment_reconciliation;
CREATE VIEW nilecare_payment.invoice_payments AS SELECT * FROM nilecare.invoice_payments;
CREATE VIEW nilecare_payment.payment_installment_plans AS SELECT * FROM nilecare.payment_installment_plans;
CREATE VIEW nilecare_payment.installment_schedule AS SELECT * FROM nilecare.installment_schedule;
CREATE VIEW nilecare_payment.payment_webhooks AS SELECT * FROM nilecare.payment_webhooks;
CREATE VIEW nilecare_payment.payment_disputes AS SELECT * FROM nilecare.payment_disputes;
CREATE VIEW nilecare_payment.payment_analytics_daily AS SELECT * FROM nilecare.payment_analytics_daily;

-- Invented rows. Ids tell the kind by their first part: 1 user, 2 patient, 3 invoice, 4 payment.
INSERT INTO nilecare_auth.auth_users (id, email, password_hash, first_name, last_name, role) VALUES
    ('00000001-0000-4000-8000-000000000001', 'doctor.one@hospital.example', 'not-a-hash', 'Doctor', 'One', 'doctor'),
    ('00000001-0000-4000-8000-000000000002', 'nurse.two@hospital.example', 'not-a-hash', 'Nurse', 'Two', 'nurse'),
    ('00000001-0000-4000-8000-000000000003', 'clerk.three@hospital.example', 'not-a-hash', 'Clerk', 'Three', 'clerk');
INSERT INTO nilecare_auth.auth_roles (name, is_system) VALUES ('doctor', TRUE), ('nurse', TRUE);
INSERT INTO nilecare_auth.auth_login_attempts (email, is_success, reason) VALUES
    ('doctor.one@hospital.example', TRUE, NULL),
    ('clerk.three@hospital.example', FALSE, 'wrong password');
INSERT INTO clinical_data.patients (id, mrn, first_name, last_name, date_of_birth, gender, phone) VALUES
    ('00000002-0000-4000-8000-000000000001', 'MRN-0001', 'Alpha', 'Example', '1980-01-01', 'female', '000-0001'),
    ('00000002-0000-4000-8000-000000000002', 'MRN-0002', 'Beta', 'Example', '1990-02-02', 'male', '000-0002'),
    ('00000002-0000-4000-8000-000000000003', 'MRN-0003', 'Gamma', 'Example', '2000-03-03', 'other', '000-0003');
INSERT INTO clinical_data.allergies (patient_id, substance, severity) VALUES
    ('00000002-0000-4000-8000-000000000001', 'invented pollen', 'mild');
INSERT INTO nilecare.charge_master (code, description, price) VALUES
    ('CONS', 'Consultation', 100.00), ('XRAY', 'X-ray', 250.00);
INSERT INTO nilecare.invoices (id, invoice_number, patient_id, status, total_amount, paid_amount, due_date) VALUES
    ('00000003-0000-4000-8000-000000000001', 'INV-0001', '00000002-0000-4000-8000-000000000001', 'pending', 350.00, 0.00, '2030-01-31'),
    ('00000003-0000-4000-8000-000000000002', 'INV-0002', '00000002-0000-4000-8000-000000000002', 'paid', 100.00, 100.00, '2030-02-28');
INSERT INTO nilecare.invoice_line_items (invoice_id, charge_code, quantity, amount) VALUES
    ('00000003-0000-4000-8000-000000000001', 'CONS', 1, 100.00), ('00000003-0000-4000-8000-000000000001', 'XRAY', 1, 250.00), ('00000003-0000-4000-8000-000000000002', 'CONS', 1, 100.00);
INSERT INTO nilecare.payment_providers (name, type) VALUES ('Cash desk', 'cash'), ('Example wallet', 'mobile_wallet');
INSERT INTO nilecare.payments (id, invoice_id, amount, status, reference) VALUES
    ('00000004-0000-4000-8000-000000000001', '00000003-0000-4000-8000-000000000002', 100.00, 'confirmed', 'REF-0001');
INSERT INTO nilecare_business.appointments (patient_id, starts_at, status) VALUES
    ('00000002-0000-4000-8000-000000000001', '2030-01-15 09:00:00', 'scheduled');
INSERT INTO nilecare_business.claims (patient_id, amount, status) VALUES ('00000002-0000-4000-8000-000000000001', 250.00, 'open');
INSERT INTO nilecare.facilities (name, city) VALUES ('Example hospital', 'Exampleton');
INSERT INTO nilecare.lab_tests (code, name) VALUES ('CBC', 'Complete blood count');
INSERT INTO nilecare.medications (name, form) VALUES ('Examplol', 'tablet');
INSERT INTO nilecare.cds_rules (name) VALUES ('No Examplol with invented pollen');
INSERT INTO nilecare.inventory_items (code, name, quantity) VALUES ('GLOVE-M', 'Gloves, medium', 500);
INSERT INTO nilecare.hl7_messages (type, body, status) VALUES ('ADT', 'MSH|invented', 'processed');
