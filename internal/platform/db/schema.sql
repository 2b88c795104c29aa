-- What an empty MariaDB has after all migrations. Written by make schema; read it, change the migrations.

CREATE TABLE `absence` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `assignment_id` bigint(20) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `stand_in_id` bigint(20) NOT NULL,
  `stand_in_as` bigint(20) NOT NULL,
  `sees_flags` tinyint(1) NOT NULL DEFAULT 0,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) NOT NULL,
  `announced_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  `ended_by` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `absence_assignment` (`assignment_id`,`ended_at`,`valid_from`),
  KEY `absence_person` (`person_id`),
  KEY `absence_unit` (`unit_id`),
  KEY `absence_stand_in` (`stand_in_id`,`ended_at`,`valid_from`),
  KEY `absence_stand_in_as` (`stand_in_as`),
  KEY `absence_ended` (`ended_by`),
  KEY `absence_due` (`ended_at`,`valid_to`),
  CONSTRAINT `absence_assignment_fk` FOREIGN KEY (`assignment_id`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `absence_ended_fk` FOREIGN KEY (`ended_by`) REFERENCES `person` (`id`),
  CONSTRAINT `absence_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `absence_stand_in_as_fk` FOREIGN KEY (`stand_in_as`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `absence_stand_in_fk` FOREIGN KEY (`stand_in_id`) REFERENCES `person` (`id`),
  CONSTRAINT `absence_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `account_conflict` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `account_id` bigint(20) NOT NULL,
  `other_id` bigint(20) NOT NULL,
  `at` datetime(3) NOT NULL,
  `settled_at` datetime(3) DEFAULT NULL,
  `decision` varchar(20) DEFAULT NULL,
  `decided_by` bigint(20) DEFAULT NULL,
  `reason` varchar(200) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `account_conflict_once` (`account_id`,`other_id`),
  KEY `account_conflict_other` (`other_id`),
  CONSTRAINT `account_conflict_account_fk` FOREIGN KEY (`account_id`) REFERENCES `wechat_account` (`id`),
  CONSTRAINT `account_conflict_other_fk` FOREIGN KEY (`other_id`) REFERENCES `wechat_account` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `area_entrance` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `area_id` bigint(20) NOT NULL,
  `entrance_id` bigint(20) NOT NULL,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) DEFAULT NULL,
  `dealt_by` bigint(20) DEFAULT NULL,
  `recorded_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `area_entrance_day` (`entrance_id`,`valid_from`),
  KEY `area_entrance_area` (`area_id`,`valid_from`),
  CONSTRAINT `area_entrance_area_fk` FOREIGN KEY (`area_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `area_entrance_entrance_fk` FOREIGN KEY (`entrance_id`) REFERENCES `entrance` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `area_round` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `building_id` bigint(20) DEFAULT NULL,
  `entrance_id` bigint(20) DEFAULT NULL,
  `kind` varchar(20) NOT NULL,
  `doors` int(11) NOT NULL,
  `answered` int(11) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `client_ref` char(36) NOT NULL,
  `fingerprint` varbinary(32) NOT NULL,
  `happened_at` datetime(3) NOT NULL,
  `recorded_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `area_round_once` (`person_id`,`client_ref`),
  KEY `area_round_unit` (`unit_id`,`recorded_at`,`id`),
  KEY `area_round_building` (`building_id`),
  KEY `area_round_entrance` (`entrance_id`),
  CONSTRAINT `area_round_building_fk` FOREIGN KEY (`building_id`) REFERENCES `building` (`id`),
  CONSTRAINT `area_round_entrance_fk` FOREIGN KEY (`entrance_id`) REFERENCES `entrance` (`id`),
  CONSTRAINT `area_round_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `area_round_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `area_split` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `place_id` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `reason` varchar(200) NOT NULL,
  `drafted_by` bigint(20) NOT NULL,
  `drafted_as` bigint(20) NOT NULL,
  `drafted_at` datetime(3) NOT NULL,
  `proposed_at` datetime(3) DEFAULT NULL,
  `settled_at` datetime(3) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  KEY `area_split_place` (`place_id`,`id`),
  KEY `area_split_person` (`drafted_by`),
  KEY `area_split_role` (`drafted_as`),
  CONSTRAINT `area_split_person_fk` FOREIGN KEY (`drafted_by`) REFERENCES `person` (`id`),
  CONSTRAINT `area_split_place_fk` FOREIGN KEY (`place_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `area_split_role_fk` FOREIGN KEY (`drafted_as`) REFERENCES `role_assignment` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `area_split_answer` (
  `split_id` bigint(20) NOT NULL,
  `area_id` bigint(20) NOT NULL,
  `answer` varchar(20) NOT NULL,
  `reason` varchar(200) NOT NULL DEFAULT '',
  `answered_by` bigint(20) DEFAULT NULL,
  `answered_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`split_id`,`area_id`),
  KEY `area_split_answer_area` (`area_id`),
  KEY `area_split_answer_person` (`answered_by`),
  CONSTRAINT `area_split_answer_area_fk` FOREIGN KEY (`area_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `area_split_answer_person_fk` FOREIGN KEY (`answered_by`) REFERENCES `person` (`id`),
  CONSTRAINT `area_split_answer_split_fk` FOREIGN KEY (`split_id`) REFERENCES `area_split` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `area_split_move` (
  `split_id` bigint(20) NOT NULL,
  `entrance_id` bigint(20) NOT NULL,
  `from_id` bigint(20) NOT NULL,
  `to_id` bigint(20) NOT NULL,
  PRIMARY KEY (`split_id`,`entrance_id`),
  KEY `area_split_move_entrance` (`entrance_id`),
  KEY `area_split_move_from` (`from_id`),
  KEY `area_split_move_to` (`to_id`,`split_id`),
  CONSTRAINT `area_split_move_entrance_fk` FOREIGN KEY (`entrance_id`) REFERENCES `entrance` (`id`),
  CONSTRAINT `area_split_move_from_fk` FOREIGN KEY (`from_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `area_split_move_split_fk` FOREIGN KEY (`split_id`) REFERENCES `area_split` (`id`),
  CONSTRAINT `area_split_move_to_fk` FOREIGN KEY (`to_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `asker_number` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `asker_id` bigint(20) NOT NULL,
  `phone_index` smallint(6) NOT NULL,
  `left_until` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `asker_number_once` (`asker_id`,`phone_index`),
  CONSTRAINT `asker_number_asker_fk` FOREIGN KEY (`asker_id`) REFERENCES `request_asker` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `audit` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `lane` smallint(6) NOT NULL,
  `n` bigint(20) NOT NULL,
  `at` datetime(3) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `action` varchar(60) NOT NULL,
  `object` varchar(40) NOT NULL,
  `object_id` bigint(20) NOT NULL,
  `purpose` varchar(60) NOT NULL,
  `reason` varchar(400) NOT NULL,
  `fields` varchar(400) NOT NULL,
  `result` varchar(60) NOT NULL,
  `request_id` varchar(64) NOT NULL,
  `ip_class` varchar(40) NOT NULL,
  `prev_hash` varbinary(32) NOT NULL,
  `hash` varbinary(32) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `audit_chain` (`lane`,`n`),
  KEY `audit_person` (`person_id`,`at`,`id`),
  KEY `audit_object` (`object`,`object_id`,`at`,`id`),
  KEY `audit_at` (`at`,`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `audit_head` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `lane` smallint(6) NOT NULL,
  `n` bigint(20) NOT NULL,
  `at` datetime(3) NOT NULL,
  `hash` varbinary(32) NOT NULL,
  `mac` varbinary(32) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `audit_head_lane` (`lane`,`n`),
  KEY `audit_head_at` (`at`,`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `audit_lane` (
  `lane` smallint(6) NOT NULL,
  `n` bigint(20) NOT NULL,
  `hash` varbinary(32) NOT NULL,
  PRIMARY KEY (`lane`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `auth_try` (
  `subject` varbinary(32) NOT NULL,
  `tries` int(11) NOT NULL,
  `since` datetime(3) NOT NULL,
  PRIMARY KEY (`subject`),
  KEY `auth_try_since` (`since`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `binding_request` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `account_id` bigint(20) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `decided_by` bigint(20) DEFAULT NULL,
  `decided_at` datetime(3) DEFAULT NULL,
  `reason` varchar(200) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `binding_request_open` (`state`,`created_at`,`id`),
  KEY `binding_request_account` (`account_id`,`state`),
  KEY `binding_request_person` (`person_id`),
  KEY `binding_request_decider` (`decided_by`),
  CONSTRAINT `binding_request_account_fk` FOREIGN KEY (`account_id`) REFERENCES `wechat_account` (`id`),
  CONSTRAINT `binding_request_decider_fk` FOREIGN KEY (`decided_by`) REFERENCES `person` (`id`),
  CONSTRAINT `binding_request_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `board` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `site_id` bigint(20) NOT NULL,
  `place_id` bigint(20) NOT NULL,
  `area_id` bigint(20) NOT NULL,
  `latest` int(11) NOT NULL,
  `created_by` bigint(20) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `board_site` (`site_id`),
  KEY `board_place` (`place_id`,`id`),
  KEY `board_area` (`area_id`),
  KEY `board_person` (`created_by`),
  CONSTRAINT `board_area_fk` FOREIGN KEY (`area_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `board_person_fk` FOREIGN KEY (`created_by`) REFERENCES `person` (`id`),
  CONSTRAINT `board_place_fk` FOREIGN KEY (`place_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `board_site_fk` FOREIGN KEY (`site_id`) REFERENCES `place` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `board_scan` (
  `board_id` bigint(20) NOT NULL,
  `day` char(10) NOT NULL,
  `scans` int(11) NOT NULL,
  PRIMARY KEY (`board_id`,`day`),
  CONSTRAINT `board_scan_board_fk` FOREIGN KEY (`board_id`) REFERENCES `board` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `board_version` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `board_id` bigint(20) NOT NULL,
  `number` int(11) NOT NULL,
  `state` varchar(20) NOT NULL,
  `households` int(11) NOT NULL,
  `shown` text NOT NULL,
  `fingerprint` varbinary(32) NOT NULL,
  `made_by` bigint(20) DEFAULT NULL,
  `made_at` datetime(3) NOT NULL,
  `printed_by` bigint(20) DEFAULT NULL,
  `printed_at` datetime(3) DEFAULT NULL,
  `superseded_at` datetime(3) DEFAULT NULL,
  `told_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `board_version_number` (`board_id`,`number`),
  KEY `board_version_made` (`made_by`),
  KEY `board_version_printed` (`printed_by`),
  KEY `board_version_over` (`superseded_at`,`id`),
  CONSTRAINT `board_version_board_fk` FOREIGN KEY (`board_id`) REFERENCES `board` (`id`),
  CONSTRAINT `board_version_made_fk` FOREIGN KEY (`made_by`) REFERENCES `person` (`id`),
  CONSTRAINT `board_version_printed_fk` FOREIGN KEY (`printed_by`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `break_glass` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `role` varchar(30) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `object` varchar(30) NOT NULL,
  `object_id` bigint(20) NOT NULL,
  `area_id` bigint(20) NOT NULL,
  `reason_sealed` varbinary(1000) DEFAULT NULL,
  `state` varchar(20) NOT NULL,
  `opened_at` datetime(3) NOT NULL,
  `ends_at` datetime(3) NOT NULL,
  `seen_at` datetime(3) NOT NULL,
  `week` char(10) NOT NULL,
  `review_on` char(10) NOT NULL,
  `review_state` varchar(20) NOT NULL,
  `reviewer_id` bigint(20) DEFAULT NULL,
  `asked_at` datetime(3) DEFAULT NULL,
  `verdict` varchar(20) DEFAULT NULL,
  `note_sealed` varbinary(1000) DEFAULT NULL,
  `reviewed_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `break_glass_person` (`person_id`,`object`,`object_id`),
  KEY `break_glass_object` (`object`,`object_id`,`opened_at`,`id`),
  KEY `break_glass_state` (`state`,`ends_at`,`id`),
  KEY `break_glass_review` (`review_state`,`review_on`,`id`),
  KEY `break_glass_reviewer` (`reviewer_id`,`review_state`,`id`),
  KEY `break_glass_week` (`week`,`review_state`),
  KEY `break_glass_unit` (`unit_id`),
  KEY `break_glass_area` (`area_id`),
  CONSTRAINT `break_glass_area_fk` FOREIGN KEY (`area_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `break_glass_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `break_glass_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `building` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `place_id` bigint(20) NOT NULL,
  `number` varchar(20) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `ended_on` char(10) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `building_number` (`place_id`,`number`),
  CONSTRAINT `building_place_fk` FOREIGN KEY (`place_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `call_task` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `request_id` bigint(20) NOT NULL,
  `asker_id` bigint(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `role` varchar(30) NOT NULL,
  `state` varchar(20) NOT NULL,
  `open_asker_id` bigint(20) DEFAULT NULL,
  `messages` int(11) NOT NULL,
  `tries` smallint(6) NOT NULL DEFAULT 0,
  `tried_on` char(10) DEFAULT NULL,
  `due_on` char(10) NOT NULL,
  `opened_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  `ended_by` bigint(20) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `call_task_open` (`open_asker_id`),
  KEY `call_task_request` (`request_id`),
  KEY `call_task_asker` (`asker_id`),
  KEY `call_task_caller` (`unit_id`,`state`,`opened_at`,`id`),
  CONSTRAINT `call_task_asker_fk` FOREIGN KEY (`asker_id`) REFERENCES `request_asker` (`id`),
  CONSTRAINT `call_task_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`),
  CONSTRAINT `call_task_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `campaign` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `title` varchar(80) NOT NULL,
  `body` text NOT NULL,
  `state` varchar(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `role` varchar(30) NOT NULL,
  `created_by` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `started_at` datetime(3) DEFAULT NULL,
  `closed_at` datetime(3) DEFAULT NULL,
  `coverage` text DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  KEY `campaign_unit` (`unit_id`,`created_at`,`id`),
  KEY `campaign_at` (`created_at`,`id`),
  KEY `campaign_person` (`created_by`),
  KEY `campaign_assignment` (`assignment_id`),
  CONSTRAINT `campaign_assignment_fk` FOREIGN KEY (`assignment_id`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `campaign_person_fk` FOREIGN KEY (`created_by`) REFERENCES `person` (`id`),
  CONSTRAINT `campaign_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `campaign_stage` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `campaign_id` bigint(20) NOT NULL,
  `name` varchar(40) NOT NULL,
  `from_day` char(10) NOT NULL,
  `to_day` char(10) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `campaign_stage_campaign` (`campaign_id`,`id`),
  CONSTRAINT `campaign_stage_campaign_fk` FOREIGN KEY (`campaign_id`) REFERENCES `campaign` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `card` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `series_id` bigint(20) DEFAULT NULL,
  `edition` int(11) NOT NULL,
  `kind` varchar(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `category` varchar(30) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `title` varchar(60) NOT NULL,
  `for_whom` varchar(200) NOT NULL,
  `region` varchar(60) NOT NULL,
  `materials` varchar(500) NOT NULL,
  `counter_label` varchar(100) NOT NULL,
  `how_to` varchar(1000) NOT NULL,
  `source` varchar(200) NOT NULL,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) NOT NULL,
  `review_on` char(10) NOT NULL,
  `request_id` bigint(20) DEFAULT NULL,
  `first_unit_id` bigint(20) DEFAULT NULL,
  `proposed_by` bigint(20) NOT NULL,
  `proposed_as` bigint(20) DEFAULT NULL,
  `proposed_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `card_edition` (`series_id`,`edition`),
  KEY `card_proposer` (`proposed_by`),
  KEY `card_request` (`request_id`),
  KEY `card_offered` (`unit_id`,`state`,`valid_to`),
  KEY `card_at` (`proposed_at`,`id`),
  KEY `card_begin` (`state`,`valid_from`),
  KEY `card_end` (`state`,`valid_to`),
  KEY `card_review` (`state`,`review_on`),
  CONSTRAINT `card_proposer_fk` FOREIGN KEY (`proposed_by`) REFERENCES `person` (`id`),
  CONSTRAINT `card_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`),
  CONSTRAINT `card_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `card_history` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `card_id` bigint(20) NOT NULL,
  `move` varchar(20) NOT NULL,
  `from_state` varchar(20) DEFAULT NULL,
  `to_state` varchar(20) NOT NULL,
  `person_id` bigint(20) DEFAULT NULL,
  `assignment_id` bigint(20) DEFAULT NULL,
  `recorded_at` datetime(3) NOT NULL,
  `note` varchar(200) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `card_history_card` (`card_id`,`id`),
  CONSTRAINT `card_history_card_fk` FOREIGN KEY (`card_id`) REFERENCES `card` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `care_flag` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `premises_id` bigint(20) NOT NULL,
  `flag_sealed` varbinary(1500) DEFAULT NULL,
  `consent_id` bigint(20) DEFAULT NULL,
  `basis_id` bigint(20) DEFAULT NULL,
  `is_temporary` tinyint(1) NOT NULL,
  `expires_on` char(10) NOT NULL,
  `warn_at` datetime(3) DEFAULT NULL,
  `purge_on` char(10) NOT NULL,
  `seen_at` datetime(3) DEFAULT NULL,
  `person_id` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `recorded_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  KEY `care_flag_premises` (`premises_id`,`expires_on`),
  KEY `care_flag_consent` (`consent_id`),
  KEY `care_flag_basis` (`basis_id`),
  KEY `care_flag_person` (`person_id`),
  KEY `care_flag_warn` (`warn_at`,`id`),
  KEY `care_flag_purge` (`purge_on`,`id`),
  CONSTRAINT `care_flag_basis_fk` FOREIGN KEY (`basis_id`) REFERENCES `legal_basis` (`id`),
  CONSTRAINT `care_flag_consent_fk` FOREIGN KEY (`consent_id`) REFERENCES `household_consent` (`id`),
  CONSTRAINT `care_flag_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `care_flag_premises_fk` FOREIGN KEY (`premises_id`) REFERENCES `premises` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `code_redemption` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `place_id` bigint(20) NOT NULL,
  `step` bigint(20) NOT NULL,
  `offline_step` bigint(20) DEFAULT NULL,
  `redeemed_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `code_redemption_once` (`person_id`,`place_id`,`step`),
  UNIQUE KEY `code_redemption_offline` (`place_id`,`offline_step`),
  KEY `code_redemption_at` (`redeemed_at`,`id`),
  CONSTRAINT `code_redemption_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `code_redemption_place_fk` FOREIGN KEY (`place_id`) REFERENCES `place` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `counter_step` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `request_id` bigint(20) NOT NULL,
  `place_id` bigint(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `closes` tinyint(1) NOT NULL DEFAULT 0,
  `added_by` bigint(20) NOT NULL,
  `added_at` datetime(3) NOT NULL,
  `finished_by` bigint(20) DEFAULT NULL,
  `finished_at` datetime(3) DEFAULT NULL,
  `place_label` varchar(60) NOT NULL DEFAULT '',
  PRIMARY KEY (`id`),
  KEY `counter_step_request` (`request_id`,`state`,`id`),
  KEY `counter_step_unit` (`unit_id`,`state`,`added_at`),
  CONSTRAINT `counter_step_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`),
  CONSTRAINT `counter_step_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `credential` (
  `person_id` bigint(20) NOT NULL,
  `account` varchar(64) NOT NULL,
  `password` varchar(200) DEFAULT NULL,
  `totp_sealed` varbinary(200) DEFAULT NULL,
  `last_step` bigint(20) NOT NULL DEFAULT 0,
  `created_at` datetime(3) NOT NULL,
  `confirmed_at` datetime(3) DEFAULT NULL,
  `changed_at` datetime(3) NOT NULL,
  PRIMARY KEY (`person_id`),
  UNIQUE KEY `credential_account` (`account`),
  CONSTRAINT `credential_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `danger_question` (
  `category` varchar(30) NOT NULL,
  `answers` text NOT NULL,
  `set_by` bigint(20) NOT NULL,
  `set_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`category`),
  KEY `danger_question_setter` (`set_by`),
  CONSTRAINT `danger_question_fk` FOREIGN KEY (`set_by`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `demo_handle` (
  `handle` varchar(40) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  PRIMARY KEY (`handle`),
  UNIQUE KEY `demo_handle_person` (`person_id`),
  CONSTRAINT `demo_handle_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `depicted` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `owner_type` varchar(20) NOT NULL,
  `owner_id` bigint(20) NOT NULL,
  `kind` varchar(20) NOT NULL,
  `person_id` bigint(20) DEFAULT NULL,
  `paper` varchar(40) NOT NULL,
  `code_hash` varbinary(32) DEFAULT NULL,
  `code_sealed` varbinary(120) DEFAULT NULL,
  `added_by` bigint(20) NOT NULL,
  `added_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `depicted_code` (`code_hash`),
  KEY `depicted_owner` (`owner_type`,`owner_id`,`id`),
  KEY `depicted_person` (`person_id`,`id`),
  CONSTRAINT `depicted_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `device` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `session_id` bigint(20) NOT NULL,
  `ack_seq` bigint(20) NOT NULL DEFAULT 0,
  `last_seen_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `device_session` (`session_id`),
  KEY `device_person` (`person_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `disclosure_consent` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `purpose` varchar(40) NOT NULL,
  `version` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `newest` tinyint(1) DEFAULT NULL,
  `said_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  `recorded_by` bigint(20) NOT NULL,
  `assignment_id` bigint(20) DEFAULT NULL,
  `witness_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `disclosure_consent_newest` (`person_id`,`purpose`,`newest`),
  KEY `disclosure_consent_by` (`recorded_by`),
  KEY `disclosure_consent_witness` (`witness_id`),
  KEY `disclosure_consent_ended` (`ended_at`,`id`),
  CONSTRAINT `disclosure_consent_by_fk` FOREIGN KEY (`recorded_by`) REFERENCES `person` (`id`),
  CONSTRAINT `disclosure_consent_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `disclosure_consent_witness_fk` FOREIGN KEY (`witness_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `duty_exemption` (
  `person_id` bigint(20) NOT NULL,
  `asked_at` datetime(3) NOT NULL,
  PRIMARY KEY (`person_id`),
  CONSTRAINT `duty_exemption_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `emergency` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `title` varchar(60) NOT NULL,
  `reason` varchar(200) NOT NULL,
  `state` varchar(20) NOT NULL,
  `sunset_on` varchar(10) NOT NULL,
  `body` text NOT NULL,
  `drafted_by` bigint(20) NOT NULL,
  `drafted_as` bigint(20) NOT NULL,
  `drafted_at` datetime(3) NOT NULL,
  `second_by` bigint(20) DEFAULT NULL,
  `second_as` bigint(20) DEFAULT NULL,
  `started_at` datetime(3) DEFAULT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  `ended_by` bigint(20) DEFAULT NULL,
  `end_reason` varchar(200) NOT NULL DEFAULT '',
  `purged_at` datetime(3) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  KEY `emergency_state` (`state`,`sunset_on`,`id`),
  KEY `emergency_unit` (`unit_id`,`state`,`id`),
  CONSTRAINT `emergency_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `emergency_category` (
  `code` varchar(30) NOT NULL,
  `emergency_id` bigint(20) NOT NULL,
  `then_code` varchar(30) NOT NULL,
  PRIMARY KEY (`code`),
  KEY `emergency_category_emergency` (`emergency_id`,`code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `enrolment` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `account` varchar(64) NOT NULL,
  `salt` varbinary(16) NOT NULL,
  `hash` varbinary(32) NOT NULL,
  `created_by` bigint(20) NOT NULL,
  `needs_second` tinyint(1) NOT NULL DEFAULT 0,
  `second_by` bigint(20) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  `expires_at` datetime(3) NOT NULL,
  `used_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `enrolment_hash` (`hash`),
  KEY `enrolment_second` (`second_by`),
  KEY `enrolment_person` (`person_id`),
  KEY `enrolment_creator` (`created_by`),
  CONSTRAINT `enrolment_creator_fk` FOREIGN KEY (`created_by`) REFERENCES `person` (`id`),
  CONSTRAINT `enrolment_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `enrolment_second_fk` FOREIGN KEY (`second_by`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `entrance` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `place_id` bigint(20) NOT NULL,
  `building_id` bigint(20) DEFAULT NULL,
  `number` varchar(20) NOT NULL,
  `label` varchar(60) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `ended_on` char(10) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `entrance_label` (`place_id`,`label`),
  KEY `entrance_building` (`building_id`),
  CONSTRAINT `entrance_building_fk` FOREIGN KEY (`building_id`) REFERENCES `building` (`id`),
  CONSTRAINT `entrance_place_fk` FOREIGN KEY (`place_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `erasure` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `class` varchar(40) NOT NULL,
  `ids` text NOT NULL,
  `erased_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `erasure_at` (`erased_at`,`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `fanout` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `notice_id` bigint(20) NOT NULL,
  `shard` int(11) NOT NULL,
  `prio` smallint(6) NOT NULL,
  `audience` varchar(1024) NOT NULL,
  `state` varchar(20) NOT NULL,
  `total` int(11) NOT NULL,
  `written` int(11) NOT NULL DEFAULT 0,
  `pushed` int(11) NOT NULL DEFAULT 0,
  `next_person_id` bigint(20) NOT NULL DEFAULT 0,
  `pushed_person_id` bigint(20) NOT NULL DEFAULT 0,
  `created_at` datetime(3) NOT NULL,
  `done_at` datetime(3) DEFAULT NULL,
  `forecast` varchar(255) DEFAULT NULL,
  `ends_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `fanout_notice` (`notice_id`),
  KEY `fanout_left` (`done_at`,`shard`,`prio`,`id`),
  KEY `fanout_ends` (`ends_at`,`shard`),
  CONSTRAINT `fanout_notice_fk` FOREIGN KEY (`notice_id`) REFERENCES `notice` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `feedback` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `kind` varchar(20) NOT NULL,
  `ref_id` bigint(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `text_sealed` varbinary(2100) DEFAULT NULL,
  `received_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `feedback_unit` (`unit_id`,`received_at`,`id`),
  KEY `feedback_at` (`received_at`,`id`),
  CONSTRAINT `feedback_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `handover` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `assignment_id` bigint(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `area_id` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `successor_id` bigint(20) DEFAULT NULL,
  `pack` text NOT NULL,
  `announced_at` datetime(3) NOT NULL,
  `packed_at` datetime(3) DEFAULT NULL,
  `signed_at` datetime(3) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `named_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `handover_assignment` (`assignment_id`),
  KEY `handover_unit` (`unit_id`,`state`,`id`),
  KEY `handover_area` (`area_id`),
  KEY `handover_successor` (`successor_id`),
  CONSTRAINT `handover_area_fk` FOREIGN KEY (`area_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `handover_assignment_fk` FOREIGN KEY (`assignment_id`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `handover_successor_fk` FOREIGN KEY (`successor_id`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `handover_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `helper_skill` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `skill` varchar(20) NOT NULL,
  `declared_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `helper_skill_once` (`person_id`,`skill`),
  KEY `helper_skill_by` (`skill`,`person_id`),
  CONSTRAINT `helper_skill_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `household_consent` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `premises_id` bigint(20) NOT NULL,
  `purpose` varchar(20) NOT NULL,
  `wording` varchar(20) NOT NULL,
  `channel` varchar(20) NOT NULL,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) DEFAULT NULL,
  `withdrawn_at` datetime(3) DEFAULT NULL,
  `person_id` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `recorded_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `household_consent_premises` (`premises_id`,`purpose`,`valid_from`),
  KEY `household_consent_person` (`person_id`),
  CONSTRAINT `household_consent_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `household_consent_premises_fk` FOREIGN KEY (`premises_id`) REFERENCES `premises` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `household_contact` (
  `premises_id` bigint(20) NOT NULL,
  `address_sealed` varbinary(400) DEFAULT NULL,
  `phone_sealed` varbinary(120) DEFAULT NULL,
  `phone_index` smallint(6) DEFAULT NULL,
  `recorded_at` datetime(3) NOT NULL,
  `used_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`premises_id`),
  KEY `household_contact_phone` (`phone_index`),
  CONSTRAINT `household_contact_premises_fk` FOREIGN KEY (`premises_id`) REFERENCES `premises` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `household_mute` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `premises_id` bigint(20) NOT NULL,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) NOT NULL,
  `visit_id` bigint(20) DEFAULT NULL,
  `recorded_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `household_mute_premises` (`premises_id`,`valid_to`),
  KEY `household_mute_visit` (`visit_id`),
  CONSTRAINT `household_mute_premises_fk` FOREIGN KEY (`premises_id`) REFERENCES `premises` (`id`),
  CONSTRAINT `household_mute_visit_fk` FOREIGN KEY (`visit_id`) REFERENCES `visit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `idempotency` (
  `person_id` bigint(20) NOT NULL,
  `operation` varchar(60) NOT NULL,
  `idem_key` varchar(64) NOT NULL,
  `fingerprint` varbinary(32) NOT NULL,
  `result` text NOT NULL,
  `created_at` datetime(3) NOT NULL,
  PRIMARY KEY (`person_id`,`operation`,`idem_key`),
  KEY `idempotency_at` (`created_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `inbox` (
  `person_id` bigint(20) NOT NULL,
  `seq` bigint(20) NOT NULL,
  `kind` varchar(32) NOT NULL,
  `prio` smallint(6) NOT NULL,
  `assignment_id` bigint(20) DEFAULT NULL,
  `ref_type` varchar(32) NOT NULL,
  `ref_id` bigint(20) NOT NULL,
  `args` varchar(1024) DEFAULT NULL,
  `dedupe_key` varchar(64) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  `coalesce_key` varchar(64) DEFAULT NULL,
  `supersedes` bigint(20) DEFAULT NULL,
  `superseded_by` bigint(20) DEFAULT NULL,
  `notice_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`person_id`,`seq`),
  UNIQUE KEY `inbox_once` (`person_id`,`dedupe_key`),
  KEY `inbox_notice` (`notice_id`,`person_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `inbox_head` (
  `person_id` bigint(20) NOT NULL,
  `seq` bigint(20) NOT NULL DEFAULT 0,
  `read_seq` bigint(20) NOT NULL DEFAULT 0,
  `floor_seq` bigint(20) NOT NULL DEFAULT 0,
  `turn` bigint(20) NOT NULL DEFAULT 0,
  PRIMARY KEY (`person_id`),
  CONSTRAINT `inbox_head_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `invitation` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `salt` varbinary(16) NOT NULL,
  `hash` varbinary(32) NOT NULL,
  `created_by` bigint(20) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `expires_at` datetime(3) NOT NULL,
  `used_at` datetime(3) DEFAULT NULL,
  `account_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `invitation_hash` (`hash`),
  KEY `invitation_person` (`person_id`),
  KEY `invitation_unit` (`unit_id`),
  KEY `invitation_creator` (`created_by`),
  KEY `invitation_account` (`account_id`),
  CONSTRAINT `invitation_account_fk` FOREIGN KEY (`account_id`) REFERENCES `wechat_account` (`id`),
  CONSTRAINT `invitation_creator_fk` FOREIGN KEY (`created_by`) REFERENCES `person` (`id`),
  CONSTRAINT `invitation_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `invitation_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `keyset` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `name` varchar(40) NOT NULL,
  `wrapped` varbinary(8000) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `changed_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `keyset_name` (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `legal_basis` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `purpose` varchar(40) NOT NULL,
  `instrument` varchar(200) NOT NULL,
  `clause` varchar(100) NOT NULL,
  `issuer` varchar(100) NOT NULL,
  `issued_on` char(10) NOT NULL,
  `valid_until` char(10) NOT NULL,
  `state` varchar(20) NOT NULL,
  `entered_by` bigint(20) NOT NULL,
  `entered_at` datetime(3) NOT NULL,
  `approved_by` bigint(20) DEFAULT NULL,
  `approved_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `legal_basis_entered` (`entered_by`),
  KEY `legal_basis_approved` (`approved_by`),
  KEY `legal_basis_at` (`entered_at`,`id`),
  CONSTRAINT `legal_basis_approved_fk` FOREIGN KEY (`approved_by`) REFERENCES `person` (`id`),
  CONSTRAINT `legal_basis_entered_fk` FOREIGN KEY (`entered_by`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `login_code_use` (
  `hash` varbinary(32) NOT NULL,
  `at` datetime(3) NOT NULL,
  PRIMARY KEY (`hash`),
  KEY `login_code_use_at` (`at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `media` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `publication_id` bigint(20) DEFAULT NULL,
  `unit_id` bigint(20) NOT NULL,
  `caption` varchar(200) NOT NULL,
  `credit` varchar(60) NOT NULL,
  `author_id` bigint(20) NOT NULL,
  `author_as` bigint(20) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  KEY `media_publication` (`publication_id`,`id`),
  KEY `media_unit` (`unit_id`),
  KEY `media_author` (`author_id`,`id`),
  KEY `media_as` (`author_as`),
  KEY `media_ended` (`ended_at`,`id`),
  CONSTRAINT `media_as_fk` FOREIGN KEY (`author_as`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `media_author_fk` FOREIGN KEY (`author_id`) REFERENCES `person` (`id`),
  CONSTRAINT `media_publication_fk` FOREIGN KEY (`publication_id`) REFERENCES `publication` (`id`),
  CONSTRAINT `media_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `member` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `status` varchar(30) NOT NULL,
  `since_sealed` varbinary(100) DEFAULT NULL,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) DEFAULT NULL,
  `added_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `member_once` (`person_id`,`valid_from`),
  KEY `member_unit` (`unit_id`,`added_at`,`id`),
  KEY `member_at` (`added_at`,`id`),
  CONSTRAINT `member_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `member_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `muster` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `request_id` bigint(20) NOT NULL,
  `open_request_id` bigint(20) DEFAULT NULL,
  `unit_id` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `skills` varchar(200) NOT NULL,
  `note_sealed` varbinary(1000) DEFAULT NULL,
  `meet_at` datetime(3) DEFAULT NULL,
  `called_by` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `called_at` datetime(3) NOT NULL,
  `begun_at` datetime(3) DEFAULT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `muster_open` (`open_request_id`),
  KEY `muster_request` (`request_id`,`id`),
  KEY `muster_called` (`called_at`,`id`),
  CONSTRAINT `muster_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `muster_invite` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `muster_id` bigint(20) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `answer` varchar(20) NOT NULL,
  `asked_at` datetime(3) NOT NULL,
  `answered_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `muster_invite_once` (`muster_id`,`person_id`),
  KEY `muster_invite_person` (`person_id`,`asked_at`,`id`),
  KEY `muster_invite_asked` (`asked_at`,`id`),
  CONSTRAINT `muster_invite_muster_fk` FOREIGN KEY (`muster_id`) REFERENCES `muster` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `node_beat` (
  `node` varchar(64) NOT NULL,
  `beat` bigint(20) NOT NULL DEFAULT 0,
  `started_at` datetime(3) NOT NULL,
  PRIMARY KEY (`node`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `notice` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `kind` varchar(32) NOT NULL,
  `prio` smallint(6) NOT NULL,
  `must_reach` tinyint(1) NOT NULL,
  `ref_type` varchar(32) NOT NULL,
  `ref_id` bigint(20) NOT NULL,
  `args` varchar(1024) DEFAULT NULL,
  `body` varchar(2000) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `person_id` bigint(20) DEFAULT NULL,
  `assignment_id` bigint(20) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  `expires_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `notice_unit` (`unit_id`),
  KEY `notice_by` (`person_id`,`assignment_id`,`created_at`,`id`),
  KEY `notice_assignment` (`assignment_id`),
  KEY `notice_created` (`created_at`,`id`),
  CONSTRAINT `notice_assignment_fk` FOREIGN KEY (`assignment_id`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `notice_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `notice_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `notice_call` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `notice_id` bigint(20) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `tries` smallint(6) NOT NULL DEFAULT 0,
  `opened_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  `ended_by` bigint(20) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `notice_call_once` (`notice_id`,`person_id`),
  KEY `notice_call_person` (`person_id`),
  KEY `notice_call_order` (`notice_id`,`opened_at`,`id`),
  CONSTRAINT `notice_call_notice_fk` FOREIGN KEY (`notice_id`) REFERENCES `notice` (`id`),
  CONSTRAINT `notice_call_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `notice_digest` (
  `shard` smallint(6) NOT NULL,
  `slot` datetime(3) NOT NULL,
  PRIMARY KEY (`shard`,`slot`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `notice_preference` (
  `person_id` bigint(20) NOT NULL,
  `kind` varchar(32) NOT NULL,
  `wechat` tinyint(1) NOT NULL,
  `digest` tinyint(1) NOT NULL,
  `muted` tinyint(1) NOT NULL,
  PRIMARY KEY (`person_id`,`kind`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `notice_setting` (
  `person_id` bigint(20) NOT NULL,
  `quiet_from` char(5) NOT NULL,
  `quiet_to` char(5) NOT NULL,
  `digest_at` char(5) NOT NULL,
  `digest_moved_at` datetime(3) DEFAULT NULL,
  `digest_from` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`person_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `office_post` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `section_id` bigint(20) NOT NULL,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `office_post_once` (`person_id`,`valid_from`),
  KEY `office_post_section` (`section_id`,`valid_from`),
  CONSTRAINT `office_post_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `office_post_section_fk` FOREIGN KEY (`section_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `outbox` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `shard` smallint(6) NOT NULL,
  `items` text NOT NULL,
  `state` smallint(6) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `done_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `outbox_open` (`shard`,`state`,`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `own_data` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `kind` varchar(20) NOT NULL,
  `channel` varchar(20) NOT NULL,
  `person_id` bigint(20) DEFAULT NULL,
  `asker_id` bigint(20) DEFAULT NULL,
  `unit_id` bigint(20) DEFAULT NULL,
  `state` varchar(20) NOT NULL,
  `text_sealed` varbinary(2100) DEFAULT NULL,
  `answer_sealed` varbinary(2100) DEFAULT NULL,
  `received_at` datetime(3) NOT NULL,
  `due_on` char(10) NOT NULL,
  `answered_at` datetime(3) DEFAULT NULL,
  `recorded_by` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `own_data_person` (`person_id`,`received_at`,`id`),
  KEY `own_data_asker` (`asker_id`,`id`),
  KEY `own_data_unit` (`unit_id`),
  KEY `own_data_at` (`received_at`,`id`),
  CONSTRAINT `own_data_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `own_data_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `person` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `name_sealed` varbinary(400) DEFAULT NULL,
  `phone_sealed` varbinary(120) DEFAULT NULL,
  `phone_index` smallint(6) DEFAULT NULL,
  `auth_ver` bigint(20) NOT NULL DEFAULT 1,
  `disabled_at` datetime(3) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  KEY `person_phone` (`phone_index`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `pin` (
  `person_id` bigint(20) NOT NULL,
  `device_hash` varbinary(32) NOT NULL,
  `hash` varchar(200) NOT NULL,
  `tries` int(11) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `used_at` datetime(3) NOT NULL,
  PRIMARY KEY (`person_id`,`device_hash`),
  KEY `pin_used` (`used_at`),
  CONSTRAINT `pin_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `place` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `kind` varchar(20) NOT NULL,
  `name` varchar(60) NOT NULL,
  `closed` tinyint(1) NOT NULL DEFAULT 0,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `ends_on` char(10) DEFAULT NULL,
  `fence_north` int(11) DEFAULT NULL,
  `fence_east` int(11) DEFAULT NULL,
  `fence_radius` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `place_unit` (`unit_id`,`id`),
  CONSTRAINT `place_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `plaque` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `premises_id` bigint(20) NOT NULL,
  `oath` int(11) NOT NULL,
  `state` varchar(20) NOT NULL,
  `door_shown` tinyint(1) NOT NULL DEFAULT 0,
  `reason` varchar(200) NOT NULL,
  `proposed_by` bigint(20) NOT NULL,
  `proposed_at` datetime(3) NOT NULL,
  `consented_at` datetime(3) DEFAULT NULL,
  `issued_at` datetime(3) DEFAULT NULL,
  `hung_at` datetime(3) DEFAULT NULL,
  `suspended_at` datetime(3) DEFAULT NULL,
  `returned_at` datetime(3) DEFAULT NULL,
  `ordered_at` datetime(3) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  KEY `plaque_person` (`person_id`,`id`),
  KEY `plaque_unit` (`unit_id`,`id`),
  KEY `plaque_premises` (`premises_id`),
  KEY `plaque_by` (`proposed_by`),
  KEY `plaque_state` (`state`,`ordered_at`,`id`),
  CONSTRAINT `plaque_by_fk` FOREIGN KEY (`proposed_by`) REFERENCES `person` (`id`),
  CONSTRAINT `plaque_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `plaque_premises_fk` FOREIGN KEY (`premises_id`) REFERENCES `premises` (`id`),
  CONSTRAINT `plaque_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `policy_setting` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `name` varchar(60) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `enabled` tinyint(1) NOT NULL DEFAULT 0,
  `basis_id` bigint(20) DEFAULT NULL,
  `reason` varchar(200) NOT NULL,
  `changed_by` bigint(20) NOT NULL,
  `changed_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `policy_setting_once` (`unit_id`,`name`),
  KEY `policy_setting_basis` (`basis_id`),
  KEY `policy_setting_person` (`changed_by`),
  CONSTRAINT `policy_setting_basis_fk` FOREIGN KEY (`basis_id`) REFERENCES `legal_basis` (`id`),
  CONSTRAINT `policy_setting_person_fk` FOREIGN KEY (`changed_by`) REFERENCES `person` (`id`),
  CONSTRAINT `policy_setting_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `premises` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `entrance_id` bigint(20) NOT NULL,
  `door` varchar(20) NOT NULL,
  `kind` varchar(20) NOT NULL,
  `occupied` tinyint(1) NOT NULL DEFAULT 1,
  `created_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `ended_on` char(10) DEFAULT NULL,
  `left_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `premises_door` (`entrance_id`,`door`),
  CONSTRAINT `premises_entrance_fk` FOREIGN KEY (`entrance_id`) REFERENCES `entrance` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `presence` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `day` char(10) NOT NULL,
  `state` varchar(20) NOT NULL,
  `happened_at` datetime(3) NOT NULL,
  `recorded_at` datetime(3) NOT NULL,
  `due_at` datetime(3) DEFAULT NULL,
  `decided_by` bigint(20) DEFAULT NULL,
  `decided_at` datetime(3) DEFAULT NULL,
  `reason` varchar(200) NOT NULL DEFAULT '',
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `presence_day` (`person_id`,`unit_id`,`day`),
  KEY `presence_person` (`person_id`,`recorded_at`,`id`),
  KEY `presence_unit` (`unit_id`,`recorded_at`,`id`),
  KEY `presence_at` (`recorded_at`,`id`),
  KEY `presence_due` (`state`,`due_at`,`id`),
  KEY `presence_decided` (`decided_by`),
  CONSTRAINT `presence_decided_fk` FOREIGN KEY (`decided_by`) REFERENCES `person` (`id`),
  CONSTRAINT `presence_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `presence_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `presence_evidence` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `presence_id` bigint(20) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `kind` varchar(20) NOT NULL,
  `place_id` bigint(20) DEFAULT NULL,
  `offline` tinyint(1) NOT NULL DEFAULT 0,
  `late_entry` tinyint(1) NOT NULL DEFAULT 0,
  `reason` varchar(200) NOT NULL DEFAULT '',
  `client_ref` varchar(64) NOT NULL,
  `happened_at` datetime(3) NOT NULL,
  `recorded_at` datetime(3) NOT NULL,
  `clock_untrusted` tinyint(1) NOT NULL DEFAULT 0,
  `distance` varchar(10) NOT NULL DEFAULT '',
  `apart` tinyint(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (`id`),
  UNIQUE KEY `presence_evidence_once` (`person_id`,`client_ref`),
  KEY `presence_evidence_presence` (`presence_id`,`id`),
  KEY `presence_evidence_place` (`place_id`),
  CONSTRAINT `presence_evidence_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `presence_evidence_place_fk` FOREIGN KEY (`place_id`) REFERENCES `place` (`id`),
  CONSTRAINT `presence_evidence_presence_fk` FOREIGN KEY (`presence_id`) REFERENCES `presence` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `press_pack` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `built_by` bigint(20) NOT NULL,
  `built_as` bigint(20) NOT NULL,
  `title` varchar(60) NOT NULL,
  `manifest` text NOT NULL,
  `sha256` varbinary(32) NOT NULL,
  `built_at` datetime(3) NOT NULL,
  `expires_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `press_pack_by` (`built_by`,`id`),
  KEY `press_pack_as` (`built_as`),
  KEY `press_pack_expires` (`expires_at`,`id`),
  CONSTRAINT `press_pack_as_fk` FOREIGN KEY (`built_as`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `press_pack_by_fk` FOREIGN KEY (`built_by`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `promise` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `request_id` bigint(20) DEFAULT NULL,
  `premises_id` bigint(20) DEFAULT NULL,
  `visit_id` bigint(20) DEFAULT NULL,
  `unit_id` bigint(20) NOT NULL,
  `role` varchar(30) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `due_on` char(10) NOT NULL,
  `state` varchar(20) NOT NULL,
  `moved` smallint(6) NOT NULL DEFAULT 0,
  `text_sealed` varbinary(1000) DEFAULT NULL,
  `reason_sealed` varbinary(1000) DEFAULT NULL,
  `remind_at` datetime(3) DEFAULT NULL,
  `made_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  KEY `promise_unit` (`unit_id`,`state`,`due_on`,`id`),
  KEY `promise_request` (`request_id`,`id`),
  KEY `promise_person` (`person_id`),
  KEY `promise_remind` (`remind_at`,`id`),
  KEY `promise_door_due` (`premises_id`,`state`,`due_on`,`made_at`),
  CONSTRAINT `promise_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `promise_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`),
  CONSTRAINT `promise_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `publication` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `kind` varchar(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `title` varchar(60) NOT NULL,
  `body` text NOT NULL,
  `start_on` char(10) NOT NULL,
  `end_on` char(10) DEFAULT NULL,
  `state` varchar(20) NOT NULL,
  `author_id` bigint(20) NOT NULL,
  `author_as` bigint(20) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `decided_by` bigint(20) DEFAULT NULL,
  `published_at` datetime(3) DEFAULT NULL,
  `reason` varchar(200) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `ended_at` datetime(3) DEFAULT NULL,
  `checked_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `publication_unit` (`unit_id`,`state`,`start_on`,`id`),
  KEY `publication_author` (`author_id`,`id`),
  KEY `publication_as` (`author_as`),
  KEY `publication_decided` (`decided_by`),
  KEY `publication_ended` (`ended_at`,`id`),
  CONSTRAINT `publication_as_fk` FOREIGN KEY (`author_as`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `publication_author_fk` FOREIGN KEY (`author_id`) REFERENCES `person` (`id`),
  CONSTRAINT `publication_decided_fk` FOREIGN KEY (`decided_by`) REFERENCES `person` (`id`),
  CONSTRAINT `publication_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `public_profile` (
  `person_id` bigint(20) NOT NULL,
  `shows_name` tinyint(1) NOT NULL DEFAULT 0,
  `shows_items` tinyint(1) NOT NULL DEFAULT 0,
  `shows_phone` tinyint(1) NOT NULL DEFAULT 0,
  `items` text NOT NULL,
  `changed_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `shows_portrait` tinyint(1) NOT NULL DEFAULT 0,
  `unread_since` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`person_id`),
  KEY `public_profile_unread` (`unread_since`,`person_id`),
  CONSTRAINT `public_profile_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `push_ticket` (
  `hash` varbinary(32) NOT NULL,
  `session_id` bigint(20) NOT NULL,
  `expires_at` datetime(3) NOT NULL,
  `used_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`hash`),
  KEY `push_ticket_end` (`expires_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `receipt_try` (
  `subject` varbinary(32) NOT NULL,
  `tries` int(11) NOT NULL,
  `since` datetime(3) NOT NULL,
  PRIMARY KEY (`subject`),
  KEY `receipt_try_since` (`since`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `recovery_code` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `hash` varchar(200) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `used_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `recovery_code_person` (`person_id`),
  CONSTRAINT `recovery_code_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `refresh_token` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `session_id` bigint(20) NOT NULL,
  `hash` varbinary(32) NOT NULL,
  `parent_id` bigint(20) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  `used_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `refresh_token_hash` (`hash`),
  UNIQUE KEY `refresh_token_parent` (`parent_id`),
  KEY `refresh_token_session` (`session_id`),
  CONSTRAINT `refresh_token_session_fk` FOREIGN KEY (`session_id`) REFERENCES `session` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `request` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `place_id` bigint(20) NOT NULL,
  `premises_id` bigint(20) DEFAULT NULL,
  `source_visit_id` bigint(20) DEFAULT NULL,
  `category` varchar(30) NOT NULL,
  `type` varchar(20) NOT NULL,
  `channel` varchar(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `is_open` tinyint(1) NOT NULL DEFAULT 1,
  `holder_unit_id` bigint(20) NOT NULL,
  `holder_role` varchar(30) NOT NULL,
  `level` smallint(6) NOT NULL,
  `receipt_hash` varbinary(32) NOT NULL,
  `receipt_sealed` varbinary(120) DEFAULT NULL,
  `text_sealed` varbinary(4100) DEFAULT NULL,
  `happened_at` datetime(3) NOT NULL,
  `recorded_at` datetime(3) NOT NULL,
  `clock_untrusted` tinyint(1) NOT NULL DEFAULT 0,
  `accept_due_at` datetime(3) DEFAULT NULL,
  `update_due_at` datetime(3) DEFAULT NULL,
  `solve_due_at` datetime(3) DEFAULT NULL,
  `recorded_by` bigint(20) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `expected_on` char(10) DEFAULT NULL,
  `wait_until` datetime(3) DEFAULT NULL,
  `waiting_since` datetime(3) DEFAULT NULL,
  `closed_at` datetime(3) DEFAULT NULL,
  `resolved_level` varchar(20) NOT NULL DEFAULT '',
  `call_back_on` char(10) DEFAULT NULL,
  `handed_to_sealed` varbinary(1500) DEFAULT NULL,
  `holding` int(11) NOT NULL DEFAULT 1,
  `reopened` int(11) NOT NULL DEFAULT 0,
  `stepped_at` datetime(3) DEFAULT NULL,
  `stale_unit_id` bigint(20) DEFAULT NULL,
  `stale_role` varchar(30) NOT NULL DEFAULT '',
  `first_solve_due_at` datetime(3) DEFAULT NULL,
  `first_closed_at` datetime(3) DEFAULT NULL,
  `first_minutes` int(11) DEFAULT NULL,
  `about_id` bigint(20) DEFAULT NULL,
  `client_ref` char(36) DEFAULT NULL,
  `fingerprint` varbinary(32) DEFAULT NULL,
  `entrance_id` bigint(20) DEFAULT NULL,
  `building_id` bigint(20) DEFAULT NULL,
  `rules_at` datetime(3) NOT NULL DEFAULT '1970-01-01 00:00:00.000',
  `emergency_id` bigint(20) DEFAULT NULL,
  `solve_ms` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `request_receipt` (`receipt_hash`),
  UNIQUE KEY `request_once` (`recorded_by`,`client_ref`),
  KEY `request_unit` (`unit_id`,`is_open`,`recorded_at`,`id`),
  KEY `request_held` (`holder_unit_id`,`is_open`,`recorded_at`,`id`),
  KEY `request_at` (`is_open`,`recorded_at`,`id`),
  KEY `request_due` (`state`,`solve_due_at`,`id`),
  KEY `request_visit` (`source_visit_id`),
  KEY `request_wait` (`state`,`wait_until`),
  KEY `request_stale` (`stale_unit_id`,`stale_role`,`stepped_at`,`id`),
  KEY `request_building` (`building_id`,`category`,`recorded_at`,`id`),
  KEY `request_entrance` (`entrance_id`,`category`,`recorded_at`,`id`),
  KEY `request_place` (`place_id`,`is_open`,`recorded_at`,`id`),
  KEY `request_rules` (`is_open`,`rules_at`,`id`),
  KEY `request_category` (`category`,`is_open`,`id`),
  KEY `request_unit_closed` (`unit_id`,`is_open`,`closed_at`,`id`),
  KEY `request_place_closed` (`place_id`,`is_open`,`closed_at`,`id`),
  KEY `request_held_closed` (`holder_unit_id`,`is_open`,`closed_at`,`id`),
  KEY `request_door_asked` (`premises_id`,`is_open`,`channel`,`happened_at`),
  CONSTRAINT `request_holder_fk` FOREIGN KEY (`holder_unit_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `request_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `request_asker` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `request_id` bigint(20) NOT NULL,
  `address_sealed` varbinary(400) DEFAULT NULL,
  `call_back` varchar(20) NOT NULL,
  `phone_sealed` varbinary(120) DEFAULT NULL,
  `phone_index` smallint(6) DEFAULT NULL,
  `recorded_at` datetime(3) NOT NULL,
  `person_id` bigint(20) DEFAULT NULL,
  `receipt_hash` varbinary(32) DEFAULT NULL,
  `receipt_sealed` varbinary(120) DEFAULT NULL,
  `settled_at` datetime(3) DEFAULT NULL,
  `slip_hash` varbinary(32) DEFAULT NULL,
  `outcome_sealed` varbinary(2100) DEFAULT NULL,
  `origin_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `request_asker_receipt` (`receipt_hash`),
  KEY `request_asker_request` (`request_id`),
  KEY `request_asker_phone` (`phone_index`),
  KEY `request_asker_own` (`person_id`,`recorded_at`,`id`),
  KEY `request_asker_origin` (`origin_id`),
  CONSTRAINT `request_asker_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `request_card` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `request_id` bigint(20) NOT NULL,
  `card_id` bigint(20) NOT NULL,
  `attached_by` bigint(20) NOT NULL,
  `attached_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `request_card_once` (`request_id`,`card_id`),
  KEY `request_card_card` (`card_id`),
  CONSTRAINT `request_card_card_fk` FOREIGN KEY (`card_id`) REFERENCES `card` (`id`),
  CONSTRAINT `request_card_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `request_history` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `request_id` bigint(20) NOT NULL,
  `move` varchar(30) NOT NULL,
  `from_state` varchar(20) DEFAULT NULL,
  `to_state` varchar(20) NOT NULL,
  `holder_unit_id` bigint(20) NOT NULL,
  `holder_role` varchar(30) NOT NULL,
  `level` smallint(6) NOT NULL,
  `person_id` bigint(20) DEFAULT NULL,
  `assignment_id` bigint(20) DEFAULT NULL,
  `happened_at` datetime(3) NOT NULL,
  `recorded_at` datetime(3) NOT NULL,
  `note_sealed` varbinary(2100) DEFAULT NULL,
  `told_in_person` tinyint(1) NOT NULL DEFAULT 0,
  `asker_id` bigint(20) DEFAULT NULL,
  `promise_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `request_history_request` (`request_id`,`id`),
  KEY `request_history_move` (`move`,`recorded_at`,`request_id`),
  CONSTRAINT `request_history_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `request_merge` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `request_id` bigint(20) NOT NULL,
  `target_id` bigint(20) NOT NULL,
  `merged_by` bigint(20) NOT NULL,
  `merged_at` datetime(3) NOT NULL,
  `undone_at` datetime(3) DEFAULT NULL,
  `state` varchar(20) NOT NULL,
  `accept_due_at` datetime(3) DEFAULT NULL,
  `update_due_at` datetime(3) DEFAULT NULL,
  `solve_due_at` datetime(3) DEFAULT NULL,
  `wait_until` datetime(3) DEFAULT NULL,
  `waiting_since` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `request_merge_request` (`request_id`,`id`),
  KEY `request_merge_target` (`target_id`,`id`),
  CONSTRAINT `request_merge_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`),
  CONSTRAINT `request_merge_target_fk` FOREIGN KEY (`target_id`) REFERENCES `request` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `request_miss` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `request_id` bigint(20) NOT NULL,
  `target` varchar(20) NOT NULL,
  `term` int(11) NOT NULL,
  `reopened` int(11) NOT NULL,
  `holder_unit_id` bigint(20) NOT NULL,
  `holder_role` varchar(30) NOT NULL,
  `level` smallint(6) NOT NULL,
  `due_at` datetime(3) NOT NULL,
  `recorded_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `request_miss_once` (`request_id`,`target`,`term`),
  KEY `request_miss_holder` (`holder_unit_id`,`due_at`),
  CONSTRAINT `request_miss_holder_fk` FOREIGN KEY (`holder_unit_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `request_miss_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `request_slip` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `receipt_hash` varbinary(32) DEFAULT NULL,
  `slip_hash` varbinary(32) DEFAULT NULL,
  `issued_by` bigint(20) NOT NULL,
  `issued_at` datetime(3) NOT NULL,
  `used_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `request_slip_code` (`receipt_hash`),
  KEY `request_slip_unit` (`unit_id`),
  CONSTRAINT `request_slip_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `request_timer` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `request_id` bigint(20) NOT NULL,
  `clock` varchar(20) NOT NULL,
  `term` int(11) NOT NULL,
  `step` smallint(6) NOT NULL,
  `due_at` datetime(3) NOT NULL,
  `fired_at` datetime(3) DEFAULT NULL,
  `said_in` int(11) NOT NULL DEFAULT 0,
  PRIMARY KEY (`id`),
  UNIQUE KEY `request_timer_once` (`request_id`,`clock`),
  KEY `request_timer_due` (`fired_at`,`due_at`,`id`),
  CONSTRAINT `request_timer_request_fk` FOREIGN KEY (`request_id`) REFERENCES `request` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `retention_run` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `class` varchar(40) NOT NULL,
  `night` varchar(40) NOT NULL,
  `due` bigint(20) NOT NULL,
  `erased` bigint(20) NOT NULL DEFAULT 0,
  `reached_id` bigint(20) NOT NULL DEFAULT 0,
  `started_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `retention_run_once` (`class`,`night`),
  KEY `retention_run_at` (`started_at`,`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `revocation` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `kind` varchar(10) NOT NULL,
  `ref_id` bigint(20) NOT NULL,
  `ver` bigint(20) NOT NULL DEFAULT 0,
  `at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `revocation_at` (`at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `risk_event` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `kind` varchar(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `opened_at` datetime(3) NOT NULL,
  `ends_at` datetime(3) NOT NULL,
  `closed_at` datetime(3) DEFAULT NULL,
  `purge_at` datetime(3) DEFAULT NULL,
  `offered` int(11) NOT NULL DEFAULT 0,
  `person_id` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  KEY `risk_event_unit` (`unit_id`,`opened_at`,`id`),
  KEY `risk_event_ends` (`state`,`ends_at`),
  KEY `risk_event_purge` (`state`,`purge_at`),
  KEY `risk_event_person` (`person_id`),
  CONSTRAINT `risk_event_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `risk_event_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `risk_offer` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `event_id` bigint(20) NOT NULL,
  `area_id` bigint(20) NOT NULL,
  `premises_id` bigint(20) NOT NULL,
  `reason` varchar(20) NOT NULL,
  `visit_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `risk_offer_once` (`event_id`,`premises_id`),
  KEY `risk_offer_area` (`event_id`,`area_id`,`id`),
  KEY `risk_offer_area_fk` (`area_id`),
  KEY `risk_offer_premises` (`premises_id`),
  KEY `risk_offer_visit` (`visit_id`),
  CONSTRAINT `risk_offer_event_fk` FOREIGN KEY (`event_id`) REFERENCES `risk_event` (`id`),
  CONSTRAINT `risk_offer_premises_fk` FOREIGN KEY (`premises_id`) REFERENCES `premises` (`id`),
  CONSTRAINT `risk_offer_unit_fk` FOREIGN KEY (`area_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `risk_offer_visit_fk` FOREIGN KEY (`visit_id`) REFERENCES `visit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `role_assignment` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `role` varchar(30) NOT NULL,
  `post` varchar(20) NOT NULL DEFAULT '',
  `unit_id` bigint(20) NOT NULL,
  `is_primary` tinyint(1) NOT NULL DEFAULT 0,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) DEFAULT NULL,
  `granted_by` bigint(20) DEFAULT NULL,
  `second_by` bigint(20) DEFAULT NULL,
  `document` varchar(100) NOT NULL DEFAULT '',
  `ended_by` bigint(20) DEFAULT NULL,
  `end_reason` varchar(200) NOT NULL DEFAULT '',
  `ended_at` datetime(3) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `unsigned_yet` tinyint(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (`id`),
  KEY `role_assignment_person` (`person_id`,`valid_from`),
  KEY `role_assignment_unit` (`unit_id`,`role`,`valid_from`),
  KEY `role_assignment_due` (`ended_at`,`valid_to`),
  KEY `role_assignment_granted` (`granted_by`),
  KEY `role_assignment_second` (`second_by`),
  KEY `role_assignment_ended` (`ended_by`),
  CONSTRAINT `role_assignment_ended_fk` FOREIGN KEY (`ended_by`) REFERENCES `person` (`id`),
  CONSTRAINT `role_assignment_granted_fk` FOREIGN KEY (`granted_by`) REFERENCES `person` (`id`),
  CONSTRAINT `role_assignment_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `role_assignment_second_fk` FOREIGN KEY (`second_by`) REFERENCES `person` (`id`),
  CONSTRAINT `role_assignment_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `role_proposal` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `role` varchar(30) NOT NULL,
  `post` varchar(20) NOT NULL DEFAULT '',
  `unit_id` bigint(20) NOT NULL,
  `is_primary` tinyint(1) NOT NULL DEFAULT 0,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) DEFAULT NULL,
  `document` varchar(100) NOT NULL DEFAULT '',
  `state` varchar(20) NOT NULL,
  `proposed_by` bigint(20) NOT NULL,
  `proposed_as` varchar(30) NOT NULL,
  `proposed_at` datetime(3) NOT NULL,
  `decided_by` bigint(20) DEFAULT NULL,
  `decided_at` datetime(3) DEFAULT NULL,
  `reason` varchar(200) NOT NULL DEFAULT '',
  `assignment_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `role_proposal_person` (`person_id`),
  KEY `role_proposal_unit` (`unit_id`,`state`,`id`),
  KEY `role_proposal_proposed` (`proposed_by`),
  KEY `role_proposal_decided` (`decided_by`),
  KEY `role_proposal_assignment` (`assignment_id`),
  CONSTRAINT `role_proposal_assignment_fk` FOREIGN KEY (`assignment_id`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `role_proposal_decided_fk` FOREIGN KEY (`decided_by`) REFERENCES `person` (`id`),
  CONSTRAINT `role_proposal_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `role_proposal_proposed_fk` FOREIGN KEY (`proposed_by`) REFERENCES `person` (`id`),
  CONSTRAINT `role_proposal_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `rule_change` (
  `id` bigint(20) NOT NULL,
  `kind` varchar(20) NOT NULL,
  `subject` varchar(40) NOT NULL,
  `body` text NOT NULL,
  `takes_effect_at` datetime(3) NOT NULL,
  `reason` varchar(200) NOT NULL,
  `set_by` bigint(20) DEFAULT NULL,
  `assignment_id` bigint(20) DEFAULT NULL,
  `recorded_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `rule_change_moment` (`takes_effect_at`),
  KEY `rule_change_subject` (`kind`,`subject`,`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `sector` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `code` varchar(30) NOT NULL,
  `name` varchar(30) NOT NULL,
  `sort_no` smallint(6) NOT NULL,
  `active` tinyint(1) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `sector_code` (`unit_id`,`code`),
  CONSTRAINT `sector_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `session` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `client` varchar(10) NOT NULL,
  `device_hash` varbinary(32) NOT NULL,
  `level` smallint(6) NOT NULL,
  `era` bigint(20) NOT NULL,
  `idle_for` int(11) NOT NULL,
  `idle_until` datetime(3) NOT NULL,
  `ends_at` datetime(3) NOT NULL,
  `stepped_at` datetime(3) DEFAULT NULL,
  `held_until` datetime(3) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  `end_reason` varchar(30) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `session_person` (`person_id`,`ended_at`,`id`),
  KEY `session_ended` (`ended_at`),
  CONSTRAINT `session_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `shard_lease` (
  `shard` smallint(6) NOT NULL,
  `owner` varchar(64) NOT NULL DEFAULT '',
  `term` bigint(20) NOT NULL DEFAULT 0,
  `beat` bigint(20) NOT NULL DEFAULT 0,
  PRIMARY KEY (`shard`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `signing_key` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `kid` varchar(40) NOT NULL,
  `seed_sealed` varbinary(200) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  `signs_from` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `signing_key_kid` (`kid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `sign_in_challenge` (
  `hash` varbinary(32) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `kind` varchar(10) NOT NULL,
  `client` varchar(10) NOT NULL,
  `device_hash` varbinary(32) NOT NULL,
  `expires_at` datetime(3) NOT NULL,
  `used_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`hash`),
  KEY `sign_in_challenge_person` (`person_id`),
  KEY `sign_in_challenge_end` (`expires_at`),
  CONSTRAINT `sign_in_challenge_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `takedown` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `kind` varchar(20) NOT NULL,
  `ref_id` bigint(20) NOT NULL,
  `ref_number` int(11) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `code_hash` varbinary(32) NOT NULL,
  `code_sealed` varbinary(120) DEFAULT NULL,
  `text_sealed` varbinary(2100) DEFAULT NULL,
  `person_id` bigint(20) DEFAULT NULL,
  `received_at` datetime(3) NOT NULL,
  `due_at` datetime(3) NOT NULL,
  `late_told_at` datetime(3) DEFAULT NULL,
  `decided_by` bigint(20) DEFAULT NULL,
  `decided_at` datetime(3) DEFAULT NULL,
  `reason` varchar(200) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `takedown_code` (`code_hash`),
  KEY `takedown_page` (`kind`,`ref_id`,`state`),
  KEY `takedown_due` (`state`,`due_at`,`id`),
  KEY `takedown_unit` (`unit_id`),
  KEY `takedown_person` (`person_id`),
  KEY `takedown_decided` (`decided_by`),
  CONSTRAINT `takedown_decided_fk` FOREIGN KEY (`decided_by`) REFERENCES `person` (`id`),
  CONSTRAINT `takedown_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `takedown_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `task` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `campaign_id` bigint(20) DEFAULT NULL,
  `stage_id` bigint(20) DEFAULT NULL,
  `title` varchar(80) NOT NULL,
  `body` text NOT NULL,
  `checklist` text NOT NULL,
  `minutes` int(11) NOT NULL,
  `evidence` varchar(20) NOT NULL,
  `due_at` datetime(3) DEFAULT NULL,
  `unit_id` bigint(20) NOT NULL,
  `role` varchar(30) NOT NULL,
  `created_by` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `over_reason` varchar(200) NOT NULL DEFAULT '',
  PRIMARY KEY (`id`),
  KEY `task_unit` (`unit_id`,`created_at`,`id`),
  KEY `task_at` (`created_at`,`id`),
  KEY `task_campaign` (`campaign_id`,`id`),
  KEY `task_stage` (`stage_id`),
  KEY `task_person` (`created_by`),
  KEY `task_assignment` (`assignment_id`),
  CONSTRAINT `task_assignment_fk` FOREIGN KEY (`assignment_id`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `task_campaign_fk` FOREIGN KEY (`campaign_id`) REFERENCES `campaign` (`id`),
  CONSTRAINT `task_person_fk` FOREIGN KEY (`created_by`) REFERENCES `person` (`id`),
  CONSTRAINT `task_stage_fk` FOREIGN KEY (`stage_id`) REFERENCES `campaign_stage` (`id`),
  CONSTRAINT `task_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `task_copy` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `task_id` bigint(20) NOT NULL,
  `unit_id` bigint(20) NOT NULL,
  `role` varchar(30) NOT NULL,
  `person_id` bigint(20) DEFAULT NULL,
  `state` varchar(20) NOT NULL,
  `live` tinyint(1) NOT NULL DEFAULT 1,
  `due_at` datetime(3) DEFAULT NULL,
  `report` text NOT NULL,
  `evidence` text NOT NULL,
  `ticks` text NOT NULL,
  `reason` varchar(200) NOT NULL,
  `reported_at` datetime(3) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `reminded_of` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `task_copy_seat` (`unit_id`,`role`,`live`,`created_at`,`id`),
  KEY `task_copy_task` (`task_id`,`id`),
  KEY `task_copy_person` (`person_id`),
  KEY `task_copy_due` (`live`,`due_at`,`id`),
  KEY `task_copy_at` (`created_at`,`id`),
  CONSTRAINT `task_copy_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `task_copy_task_fk` FOREIGN KEY (`task_id`) REFERENCES `task` (`id`),
  CONSTRAINT `task_copy_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `task_repeat` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `task_id` bigint(20) NOT NULL,
  `rhythm` varchar(10) NOT NULL,
  `from_day` char(10) NOT NULL,
  `until_day` char(10) NOT NULL,
  `next_day` char(10) DEFAULT NULL,
  `target` varchar(600) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `task_repeat_task` (`task_id`),
  KEY `task_repeat_next` (`next_day`,`id`),
  CONSTRAINT `task_repeat_task_fk` FOREIGN KEY (`task_id`) REFERENCES `task` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `task_step` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `copy_id` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `note` text NOT NULL,
  `ticks` text NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `at` datetime(3) NOT NULL,
  `evidence` varchar(500) NOT NULL DEFAULT '',
  PRIMARY KEY (`id`),
  KEY `task_step_copy` (`copy_id`,`id`),
  KEY `task_step_person` (`person_id`),
  KEY `task_step_assignment` (`assignment_id`),
  CONSTRAINT `task_step_assignment_fk` FOREIGN KEY (`assignment_id`) REFERENCES `role_assignment` (`id`),
  CONSTRAINT `task_step_copy_fk` FOREIGN KEY (`copy_id`) REFERENCES `task_copy` (`id`),
  CONSTRAINT `task_step_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `transfer_import` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `kinds` varchar(60) NOT NULL,
  `state` varchar(20) NOT NULL,
  `row_count` int(11) NOT NULL,
  `failed_rows` int(11) NOT NULL,
  `summary` text NOT NULL,
  `uploaded_by` bigint(20) NOT NULL,
  `uploaded_at` datetime(3) NOT NULL,
  `applied_by` bigint(20) DEFAULT NULL,
  `applied_at` datetime(3) DEFAULT NULL,
  `undone_by` bigint(20) DEFAULT NULL,
  `undone_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `transfer_import_unit` (`unit_id`,`uploaded_at`,`id`),
  KEY `transfer_import_uploaded` (`uploaded_by`),
  KEY `transfer_import_applied` (`applied_by`),
  KEY `transfer_import_undone` (`undone_by`),
  KEY `transfer_import_age` (`state`,`uploaded_at`),
  KEY `transfer_import_settle` (`state`,`applied_at`),
  CONSTRAINT `transfer_import_applied_fk` FOREIGN KEY (`applied_by`) REFERENCES `person` (`id`),
  CONSTRAINT `transfer_import_undone_fk` FOREIGN KEY (`undone_by`) REFERENCES `person` (`id`),
  CONSTRAINT `transfer_import_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `transfer_import_uploaded_fk` FOREIGN KEY (`uploaded_by`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `transfer_made` (
  `id` bigint(20) NOT NULL,
  `import_id` bigint(20) NOT NULL,
  `kind` varchar(20) NOT NULL,
  `ref_id` bigint(20) NOT NULL,
  `before_sealed` varbinary(400) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `transfer_made_import` (`import_id`,`id`),
  CONSTRAINT `transfer_made_import_fk` FOREIGN KEY (`import_id`) REFERENCES `transfer_import` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `transfer_row` (
  `id` bigint(20) NOT NULL,
  `import_id` bigint(20) NOT NULL,
  `kind` varchar(20) NOT NULL,
  `line` int(11) NOT NULL,
  `outcome` varchar(20) NOT NULL,
  `failed` tinyint(1) NOT NULL,
  `faults` text NOT NULL,
  `cells_sealed` varbinary(8000) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `transfer_row_list` (`import_id`,`failed`,`id`),
  CONSTRAINT `transfer_row_import_fk` FOREIGN KEY (`import_id`) REFERENCES `transfer_import` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `unit` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `tree` varchar(10) NOT NULL,
  `kind` varchar(30) NOT NULL,
  `name` varchar(100) NOT NULL,
  `path` varchar(190) NOT NULL,
  `parent_id` bigint(20) DEFAULT NULL,
  `level` smallint(6) NOT NULL DEFAULT 0,
  `sector` varchar(30) NOT NULL DEFAULT '',
  `ownership` varchar(20) NOT NULL DEFAULT '',
  `park_id` bigint(20) DEFAULT NULL,
  `area_km2` int(11) NOT NULL DEFAULT 0,
  `filing_no` varchar(60) NOT NULL DEFAULT '',
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `unit_path` (`path`),
  KEY `unit_parent` (`parent_id`,`id`),
  KEY `unit_park` (`park_id`),
  CONSTRAINT `unit_parent_fk` FOREIGN KEY (`parent_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `unit_park_fk` FOREIGN KEY (`park_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `unit_edge` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `parent_id` bigint(20) NOT NULL,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `unit_edge_once` (`unit_id`,`valid_from`),
  KEY `unit_edge_parent` (`parent_id`,`unit_id`),
  CONSTRAINT `unit_edge_parent_fk` FOREIGN KEY (`parent_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `unit_edge_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `unit_label` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `level` smallint(6) NOT NULL,
  `label` varchar(40) NOT NULL,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `unit_label_once` (`unit_id`,`level`,`valid_from`),
  CONSTRAINT `unit_label_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `unit_link` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `party_id` bigint(20) NOT NULL,
  `grid_id` bigint(20) NOT NULL,
  `valid_from` char(10) NOT NULL,
  `valid_to` char(10) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `unit_link_party` (`party_id`,`valid_from`),
  UNIQUE KEY `unit_link_grid` (`grid_id`,`valid_from`),
  CONSTRAINT `unit_link_grid_fk` FOREIGN KEY (`grid_id`) REFERENCES `unit` (`id`),
  CONSTRAINT `unit_link_party_fk` FOREIGN KEY (`party_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `upload` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `file` varchar(40) NOT NULL,
  `number` bigint(20) NOT NULL,
  `width` int(11) NOT NULL,
  `height` int(11) NOT NULL,
  `size` int(11) NOT NULL,
  `owner_type` varchar(20) DEFAULT NULL,
  `owner_id` bigint(20) DEFAULT NULL,
  `drop_at` datetime(3) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  PRIMARY KEY (`id`),
  UNIQUE KEY `upload_file` (`file`),
  KEY `upload_owner` (`owner_type`,`owner_id`,`id`),
  KEY `upload_drop` (`drop_at`,`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `visit` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `premises_id` bigint(20) NOT NULL,
  `person_id` bigint(20) NOT NULL,
  `assignment_id` bigint(20) NOT NULL,
  `result` varchar(20) NOT NULL,
  `reason` varchar(20) DEFAULT NULL,
  `note_sealed` varbinary(2100) DEFAULT NULL,
  `client_ref` char(36) NOT NULL,
  `fingerprint` varbinary(32) NOT NULL,
  `happened_at` datetime(3) NOT NULL,
  `recorded_at` datetime(3) NOT NULL,
  `clock_untrusted` tinyint(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (`id`),
  UNIQUE KEY `visit_once` (`person_id`,`client_ref`),
  KEY `visit_unit` (`unit_id`,`recorded_at`,`id`),
  KEY `visit_at` (`recorded_at`,`id`),
  KEY `visit_last` (`premises_id`,`happened_at`,`id`,`result`),
  CONSTRAINT `visit_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`),
  CONSTRAINT `visit_premises_fk` FOREIGN KEY (`premises_id`) REFERENCES `premises` (`id`),
  CONSTRAINT `visit_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `visit_tally` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `unit_id` bigint(20) NOT NULL,
  `month` char(7) NOT NULL,
  `result` varchar(20) NOT NULL,
  `visits` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `visit_tally_once` (`unit_id`,`month`,`result`),
  CONSTRAINT `visit_tally_unit_fk` FOREIGN KEY (`unit_id`) REFERENCES `unit` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `wechat_account` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `app_id` varchar(64) NOT NULL,
  `openid_hash` varbinary(32) NOT NULL,
  `openid_sealed` varbinary(400) DEFAULT NULL,
  `unionid_hash` varbinary(32) DEFAULT NULL,
  `person_id` bigint(20) DEFAULT NULL,
  `state` varchar(20) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `bound_at` datetime(3) DEFAULT NULL,
  `held_until` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `wechat_account_openid` (`app_id`,`openid_hash`),
  KEY `wechat_account_person` (`person_id`,`state`),
  KEY `wechat_account_union` (`unionid_hash`),
  CONSTRAINT `wechat_account_person_fk` FOREIGN KEY (`person_id`) REFERENCES `person` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `wechat_channel` (
  `app_id` varchar(64) NOT NULL,
  `paused_until` datetime(3) DEFAULT NULL,
  `errcode` int(11) DEFAULT NULL,
  `slow_until` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`app_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `wechat_credit` (
  `person_id` bigint(20) NOT NULL,
  `template` varchar(32) NOT NULL,
  `balance` int(11) NOT NULL,
  `refused_at` datetime(3) DEFAULT NULL,
  `account_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`person_id`,`template`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `wechat_credit_entry` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `template` varchar(32) NOT NULL,
  `delta` int(11) NOT NULL,
  `reason` varchar(20) NOT NULL,
  `send_id` bigint(20) DEFAULT NULL,
  `client_ref` char(36) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `wechat_credit_entry_once` (`person_id`,`template`,`client_ref`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `wechat_send` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `person_id` bigint(20) NOT NULL,
  `event` varchar(48) NOT NULL,
  `seq` bigint(20) NOT NULL,
  `template` varchar(32) NOT NULL,
  `kind` varchar(32) NOT NULL,
  `ref_type` varchar(32) NOT NULL,
  `ref_id` bigint(20) NOT NULL,
  `args` varchar(1024) DEFAULT NULL,
  `must_reach` tinyint(1) NOT NULL,
  `not_before` datetime(3) NOT NULL,
  `state` varchar(20) NOT NULL,
  `outcome` varchar(20) DEFAULT NULL,
  `created_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  `reason` varchar(32) DEFAULT NULL,
  `shard` smallint(6) NOT NULL DEFAULT 0,
  `prio` smallint(6) NOT NULL DEFAULT 1,
  `account_id` bigint(20) DEFAULT NULL,
  `attempt` int(11) NOT NULL DEFAULT 0,
  `tries` smallint(6) NOT NULL DEFAULT 0,
  `unknowns` smallint(6) NOT NULL DEFAULT 0,
  `paid` tinyint(1) NOT NULL DEFAULT 0,
  `term` bigint(20) NOT NULL DEFAULT 0,
  `errcode` int(11) DEFAULT NULL,
  `msgid` varchar(32) DEFAULT NULL,
  `called` tinyint(1) NOT NULL DEFAULT 0,
  `notice_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `wechat_send_once` (`person_id`,`event`,`template`),
  KEY `wechat_send_outcome` (`outcome`,`ended_at`,`id`),
  KEY `wechat_send_notice` (`notice_id`,`state`,`outcome`),
  KEY `wechat_send_turn` (`state`,`prio`,`not_before`,`id`,`shard`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `wechat_template` (
  `code` varchar(32) NOT NULL,
  `template_id` varchar(64) NOT NULL,
  `kind` varchar(20) NOT NULL,
  `fields` varchar(2000) NOT NULL,
  `bad_in_row` int(11) NOT NULL DEFAULT 0,
  `paused_until` datetime(3) DEFAULT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `changed_at` datetime(3) NOT NULL,
  PRIMARY KEY (`code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `wechat_token` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `app_id` varchar(64) NOT NULL,
  `token_sealed` varbinary(4000) DEFAULT NULL,
  `expires_at` datetime(3) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `fetch_until` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `wechat_token_app` (`app_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
