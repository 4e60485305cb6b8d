namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>By what a tenant's generator is limited.</summary>
public enum LimiterType
{
    /// <summary>By its series: <c>max_active_series</c>.</summary>
    Series,

    /// <summary>By its label sets, however many series each has: <c>max_active_entities</c>.</summary>
    Entity,
}
