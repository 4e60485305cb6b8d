using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>What a tenant's remote write is configured with besides its endpoints; can change while it runs.</summary>
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

    /// <summary><c>remote_write_headers</c>: over those of the endpoints.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>The label of an exemplar that carries the trace ID.</summary>
    public string TraceIdLabelName { get; init; } = "traceID";

    /// <summary>Whether <c>X-Scope-OrgID</c> says the tenant's ID, unless a header of that name is configured.</summary>
    public bool AddOrgIdHeader { get; init; } = true;
}
