select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([region] is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([id] is null) ) connector_count;

select [id] as connector_0, [region] as connector_1, convert(varchar(27), [moved], 126) as connector_2 from [shop].[orders] order by [region], [id] offset 0 rows fetch next 2001 rows only;
