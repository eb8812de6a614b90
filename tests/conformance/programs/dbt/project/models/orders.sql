{{ config(materialized='table') }}
select 1 as id, 20 as amount union all select 2, 22
