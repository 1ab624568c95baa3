-- MedPort: three silos of a transport platform. Its databases are PostgreSQL; here they are written
-- for MySQL, because what counts is who reaches into whose silo. No rows: the example is for
-- `silogate check` and `silogate explain`.

CREATE DATABASE medport_hospital CHARACTER SET utf8mb4;
CREATE DATABASE medport_ems CHARACTER SET utf8mb4;
CREATE DATABASE medport_center CHARACTER SET utf8mb4;

CREATE TABLE medport_hospital.hospital_users (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    email VARCHAR(255) NOT NULL,
    facility_id CHAR(36)
) ENGINE=InnoDB;
CREATE TABLE medport_hospital.hospital_facilities (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL
) ENGINE=InnoDB;
CREATE TABLE medport_hospital.transport_requests (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    from_facility_id CHAR(36) NOT NULL,
    to_facility_id CHAR(36) NOT NULL,
    agency_id CHAR(36),
    status ENUM('open', 'accepted', 'en_route', 'completed', 'cancelled') NOT NULL DEFAULT 'open',
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB;
CREATE TABLE medport_hospital.hospital_agency_preferences (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    facility_id CHAR(36) NOT NULL,
    agency_id CHAR(36) NOT NULL,
    priority INT NOT NULL DEFAULT 0
) ENGINE=InnoDB;

CREATE TABLE medport_ems.ems_agencies (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL
) ENGINE=InnoDB;
CREATE TABLE medport_ems.units (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    agency_id CHAR(36) NOT NULL,
    call_sign VARCHAR(20) NOT NULL
) ENGINE=InnoDB;
CREATE TABLE medport_ems.unit_availability (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    unit_id CHAR(36) NOT NULL,
    is_available BOOLEAN NOT NULL DEFAULT TRUE
) ENGINE=InnoDB;
CREATE TABLE medport_ems.transport_bids (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    request_id CHAR(36) NOT NULL,
    unit_id CHAR(36) NOT NULL
) ENGINE=InnoDB;
CREATE TABLE medport_ems.ems_routes (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    request_id CHAR(36) NOT NULL,
    distance_km DECIMAL(8,2)
) ENGINE=InnoDB;

CREATE TABLE medport_center.users (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    email VARCHAR(255) NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    silo ENUM('hospital', 'ems', 'center') NOT NULL
) ENGINE=InnoDB;
CREATE TABLE medport_center.hospitals (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL
) ENGINE=InnoDB;
CREATE TABLE medport_center.agencies (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL
) ENGINE=InnoDB;
CREATE TABLE medport_center.ems_agencies (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE
) ENGINE=InnoDB;
CREATE TABLE medport_center.system_configurations (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL,
    value JSON
) ENGINE=InnoDB;
CREATE TABLE medport_center.service_registry (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    name VARCHAR(100) NOT NULL,
    url VARCHAR(255) NOT NULL
) ENGINE=InnoDB;
CREATE TABLE medport_center.database_references (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    silo ENUM('hospital', 'ems', 'center') NOT NULL,
    url VARCHAR(255) NOT NULL
) ENGINE=InnoDB;
CREATE TABLE medport_center.system_analytics (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    metric VARCHAR(100) NOT NULL,
    value DECIMAL(14,2) NOT NULL
) ENGINE=InnoDB;
CREATE TABLE medport_center.audit_logs (
    id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()),
    actor_id CHAR(36),
    action VARCHAR(100) NOT NULL,
    old_values JSON,
    new_values JSON
) ENGINE=InnoDB;
