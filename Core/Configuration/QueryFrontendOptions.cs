namespace OrleansTempo.Core.Configuration;

/// <summary><c>query_frontend</c>: what holds for queries.</summary>
public sealed record QueryFrontendOptions
{
    /// <summary>Whether a query may name several tenants in <c>X-Scope-OrgID</c>, as in <c>a|b</c>, and is answered from all of them.</summary>
    public bool MultiTenantQueriesEnabled { get; init; } = true;
}
