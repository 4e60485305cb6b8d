using OrleansTempo.Integration.Harness;
using OrleansTempo.Silo.Configuration;

namespace OrleansTempo.Cluster.Configuration;

public sealed class SettingsCheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Orleans__Clusterin__ProviderType", "AdoNet", "'Orleans:Clusterin' (environment variable Orleans__Clusterin__ProviderType) is not known; did you mean 'Clustering'?")]
    [InlineData("ORLEANS__CLUSTERID_", "blue", "'ORLEANS:CLUSTERID_' (environment variable ORLEANS__CLUSTERID_) is not known; did you mean 'ClusterId'?")]
    [InlineData("Orlean__ClusterId", "blue", "'Orlean' (environment variable Orlean__ClusterId) is not known; did you mean 'Orleans'?")]
    [InlineData("Orleans__Endpoints__SiloPrt", "1", "'Orleans:Endpoints:SiloPrt' (environment variable Orleans__Endpoints__SiloPrt) is not known; did you mean 'SiloPort'?")]
    [InlineData("Orleans__Messaging__ResponseTimeuot", "00:00:07", "'Orleans:Messaging:ResponseTimeuot' (environment variable Orleans__Messaging__ResponseTimeuot) is not known; did you mean 'ResponseTimeout'?")]
    [InlineData("Orleans__ClusterMembership__ProbeTimeuot", "00:00:01", "'Orleans:ClusterMembership:ProbeTimeuot' (environment variable Orleans__ClusterMembership__ProbeTimeuot) is not known; did you mean 'ProbeTimeout'?")]
    [InlineData("Orleans__GrainStorage__generator__ProviderType", "Memory", "'Orleans:GrainStorage:generator' (environment variable Orleans__GrainStorage__generator__ProviderType) is not known; did you mean 'generators'?")]
    [InlineData("Orleans__GrainStorage__generators__ContainerNam", "x", "'Orleans:GrainStorage:generators:ContainerNam' (environment variable Orleans__GrainStorage__generators__ContainerNam) is not known; did you mean 'ContainerName'?")]
    [InlineData("OrleansTempo__Dashboard__Enable", "true", "'OrleansTempo:Dashboard:Enable' (environment variable OrleansTempo__Dashboard__Enable) is not known; did you mean 'Enabled'?")]
    [InlineData("Orleans__Endpoints__SiloPort", "70000", "'Orleans:Endpoints:SiloPort' (environment variable Orleans__Endpoints__SiloPort) is '70000'; it must be a port from 1 to 65535")]
    [InlineData("Orleans__Endpoints__AdvertisedIPAddress", "here", "'Orleans:Endpoints:AdvertisedIPAddress' (environment variable Orleans__Endpoints__AdvertisedIPAddress) is 'here'; it must be an IP address")]
    [InlineData("Orleans__Clustering", "AdoNet", "'Orleans:Clustering' (environment variable Orleans__Clustering) is a section, not a value; its keys are ProviderType")]
    [InlineData("Orleans__ClusterId__Name", "blue", "'Orleans:ClusterId' (environment variable Orleans__ClusterId__Name) must be a value, without keys below it")]
    public void An_unknown_setting_is_reported_with_its_source_and_a_suggestion(string name, string value, string problem) =>
        Assert.StartsWith(problem, Refusal((name, value)));

    [Fact]
    public void The_keys_of_a_provider_are_allowed_below_it()
    {
        var settings = new[] { ("Orleans__Clustering__ProviderType", "AdoNet"), ("Orleans__Clustering__TableName", "silos") };
        Assert.Equal(
            "'Orleans:Clustering:TableName' (environment variable Orleans__Clustering__TableName) is not known; allowed: ProviderType, Invariant, ConnectionString, ConnectionName",
            Refusal(settings));

        settings[0].Item2 = "AzureTableStorage";
        Run(settings);
    }

    [Fact]
    public void A_setting_from_a_file_is_reported_with_that_file()
    {
        var path = _folder.Write("appsettings.json", """{ "Orleans": { "ClusterID": "blue", "ServiceName": "tempo" } }""");
        Assert.StartsWith($"'Orleans:ServiceName' ({path}) is not known", Refusal());
    }

    [Fact]
    public void All_problems_are_reported_at_once() =>
        Assert.Contains("'Orleans:Two' (environment variable Orleans__Two)", Refusal(("Orleans__One", "1"), ("Orleans__Two", "2")).Split("; and ")[1]);

    [Fact]
    public void Documented_settings_and_those_of_others_pass() => Run(
        ("Orleans__ClusterId", "production"),
        ("ORLEANS__SERVICEID", "orleans-tempo"),
        ("Orleans__Endpoints__AdvertisedIPAddress", "127.0.0.1"),
        ("Orleans__Endpoints__SiloPort", "11112"),
        ("Orleans__Endpoints__GatewayPort", "0"),
        ("Orleans__Endpoints__SiloListeningEndpoint", "0.0.0.0:11112"),
        ("Orleans__EnableDistributedTracing", "true"),
        ("Orleans__Clustering__ProviderType", "Development"),
        ("Orleans__Clustering__PrimarySiloEndPoint", "127.0.0.1:11111"),
        ("Orleans__GrainStorage__generators__ProviderType", "ObjectStore"),
        ("Orleans__Messaging__ResponseTimeout", "00:00:07"),
        ("Orleans__ClusterMembership__NumMissedProbesLimit", "3"),
        ("OrleansTempo__Dashboard__Public", "true"),
        ("Logging__LogLevel__Orleans", "Information"),
        ("ORLEANS_TEMPO_PORT_4317_TCP", "tcp://10.0.0.1:4317"),
        ("ORLEANSTEMPO_SERVICE_HOST", "10.0.0.1"));

    private string Refusal(params (string Name, string Value)[] environment) => Assert.Throws<InvalidDataException>(() => Run(environment)).Message;

    private void Run(params (string Name, string Value)[] environment)
    {
        var variables = environment.ToDictionary(static v => v.Name, static v => v.Value);
        using var configuration = SiloConfiguration.Read(variables, _folder.Path);
        SettingsCheck.Run(configuration, variables);
    }
}
