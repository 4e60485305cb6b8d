using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary><c>overrides.user_configurable_overrides</c>.</summary>
internal static class UserConfigurableOverridesReader
{
    public static UserConfigurableOverridesOptions Read(MappingReader block, UserConfigurableOverridesOptions defaults, TraceStorageOptions traces)
    {
        var client = block.Mapping("client");
        var api = block.Mapping("api");
        var options = block.Options(defaults);
        options = options with
        {
            Client = ReadClient(client, defaults.Client, traces, options.Enabled),
            Api = api.Options(defaults.Api),
        };
        api.Done();
        block.Done();
        return options;
    }

    private static UserConfigurableOverridesClientOptions ReadClient(
        MappingReader client, UserConfigurableOverridesClientOptions defaults, TraceStorageOptions traces, bool enabled)
    {
        client.Unused("known to Tempo, not used here: versions are always checked", "confirm_versioning");
        client.Unused(TempoFileReader.NotUsed, "gcs", "s3");
        var local = client.Mapping("local");
        var azure = client.Mapping("azure");
        var options = client.Options(defaults) with
        {
            LocalPath = local.String("path", defaults.LocalPath),
            Azure = StorageReader.ReadAzure(azure, defaults.Azure),
        };
        local.Done();
        client.Done();
        if (!enabled)
            return options;

        const string allowed = "allowed: local, azure, or empty for the object store of the traces";
        if (options.Backend is "s3" or "gcs")
            client.Error("backend", $"'{options.Backend}' is not supported; {allowed}");
        else if (options.Backend is not ("" or TraceStorageOptions.LocalBackend or TraceStorageOptions.AzureBackend))
            client.Error("backend", $"{Spelling.Quote(options.Backend)} is not known; {allowed}");
        else if (options.OwnStore(traces) is { Backend: TraceStorageOptions.AzureBackend } own)
            StorageReader.CheckAzure(azure, own.Azure);
        else if (options.OwnStore(traces) is { LocalPath: "" })
            client.Error("backend", "'local' needs local.path where the traces are not in a directory");
        if (options.LocalPath.Contains('\0'))
            local.Error("path", "has a character with the code 0, which no path has");
        return options;
    }
}
