-- Portfolios of factors and the changed backtests of robustness reports are trials of research lines.

alter table research_line
    drop constraint research_line_best_kind_check,
    add constraint research_line_best_kind_check
        check (best_kind in ('backtest', 'sweep', 'walk_forward', 'factor_report', 'factor_matrix', 'robustness')),
    -- canonical text and horizon of a factor's portfolio; null: the best trial is a backtest
    add column best_factor text,
    add column best_horizon integer;
