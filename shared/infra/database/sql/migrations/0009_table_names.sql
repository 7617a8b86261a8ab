-- Tables and columns take the names that the code and the documentation use; rows are kept.

alter table own_strategy rename to user_strategy;
alter index own_strategy_pkey rename to user_strategy_pkey;

alter table daily_pick rename to daily_selection;
alter index daily_pick_pkey rename to daily_selection_pkey;

alter table part_build rename to part_claim;
alter index part_build_pkey rename to part_claim_pkey;

alter table chunk_part rename to dataset_part;
alter index chunk_part_pkey rename to dataset_part_pkey;

alter table warm_run rename column night to scheduled_date;
alter index warm_run_night_key rename to warm_run_scheduled_date_key;
alter table warm_phase rename column place to position;
alter table warm_phase rename column fresh to computed;
alter table warm_item rename column fresh to computed;
alter table warm_item rename column lacking to missing_data;
