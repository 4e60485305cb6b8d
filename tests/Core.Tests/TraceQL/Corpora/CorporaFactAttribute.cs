namespace OrleansTempo.Core.Tests.TraceQL.Corpora;

/// <summary>
/// A test on queries of other projects, which are not ours to copy: it runs where <c>TRACEQL_CORPORA</c> names a folder with checkouts of
/// grafana/tempo, grafana/lezer-traceql and tsouza/cerberus, each in a folder of that name.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CorporaFactAttribute : FactAttribute
{
    public CorporaFactAttribute()
    {
        if (string.IsNullOrEmpty(Folder))
            Skip = "TRACEQL_CORPORA names no folder with checkouts of grafana/tempo, grafana/lezer-traceql and tsouza/cerberus";
    }

    public static string? Folder => Environment.GetEnvironmentVariable("TRACEQL_CORPORA");
}
