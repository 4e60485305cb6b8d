using Microsoft.Extensions.Configuration;
using OrleansTempo.Integration.Harness;
using OrleansTempo.Silo.Configuration;

namespace OrleansTempo.Cluster.Configuration;

public sealed class SiloConfigurationTests : IDisposable
{
    private readonly TemporaryFolder _program = new();
    private readonly TemporaryFolder _working = new();

    public void Dispose()
    {
        _program.Dispose();
        _working.Dispose();
    }

    [Fact]
    public void The_environment_wins_over_the_working_directory_and_that_over_the_program()
    {
        _program.Write("appsettings.json", """{ "A": 1, "B": 1, "C": 1, "D": 1 }""");
        _program.Write("appsettings.Staging.json", """{ "B": 2, "C": 2, "D": 2 }""");
        _program.Write("appsettings.Production.json", """{ "A": 9 }""");
        _working.Write("appsettings.json", """{ "C": 3, "D": 3 }""");
        using var configuration = Read(("DOTNET_ENVIRONMENT", "Staging"), ("D", "4"), ("Orleans__Endpoints__SiloPort", "7"));

        Assert.Equal(["1", "2", "3", "4", "7"], new[] { "A", "B", "C", "D", "Orleans:Endpoints:SiloPort" }.Select(key => configuration[key]));
    }

    [Fact]
    public void Without_configuration_the_environment_is_Production() => Assert.Equal("Production", SiloConfiguration.NameOf(new Dictionary<string, string>()));

    [Fact]
    public void The_programs_own_settings_show_the_dashboard_only_in_Development()
    {
        foreach (var (environment, isEnabled) in new[] { ("Development", true), ("Production", false) })
        {
            var variables = new Dictionary<string, string> { ["DOTNET_ENVIRONMENT"] = environment };
            using var configuration = SiloConfiguration.Read(variables, AppContext.BaseDirectory);
            var settings = configuration.GetSection(SiloSettings.Section).Get<SiloSettings>() ?? new SiloSettings();
            Assert.Equal(new DashboardSettings { Enabled = isEnabled, Public = false }, settings.Dashboard);
        }
    }

    [Fact]
    public void A_file_that_is_not_JSON_is_reported_with_its_name()
    {
        var path = _working.Write("appsettings.json", "{");
        var failure = Assert.Throws<InvalidDataException>(() => Read());
        Assert.Contains(path, failure.Message);
    }

    [Fact]
    public void Variables_that_differ_only_in_case_are_one_key()
    {
        using var configuration = Read(("http_proxy", "http://proxy:1"), ("HTTP_PROXY", "http://proxy:1"));
        Assert.Equal("http://proxy:1", configuration["HTTP_PROXY"]);
    }

    private ConfigurationManager Read(params (string Name, string Value)[] environment) =>
        SiloConfiguration.Read(environment.ToDictionary(static v => v.Name, static v => v.Value), _program.Path, _working.Path);
}
