using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>The remote write settings of a tenant besides the endpoints; they can change at run time.</summary>
public sealed record RemoteWriterSettings
{
    public RemoteWriterSettings()
    {
    }

    public RemoteWriterSettings(GeneratorSettings tenant, GeneratorStorageOptions storage)
    {
        Headers = tenant.RemoteWriteHeaders;
        TraceIdLabelName = tenant.TraceIdLabelName;
        AddOrgIdHeader = storage.RemoteWriteAddOrgIdHeader;
    }

    /// <summary><c>remote_write_headers</c>, which override the headers of the endpoints.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>The label of an exemplar that carries the trace ID.</summary>
    public string TraceIdLabelName { get; init; } = "traceID";

    /// <summary>Whether to send the tenant ID as <c>X-Scope-OrgID</c>, unless a header with that name is configured.</summary>
    public bool AddOrgIdHeader { get; init; } = true;
}
