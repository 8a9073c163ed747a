# Deploys the packaged template of securityhub-exporter as a CloudFormation stack, so that Terraform manages its parameters and reads
# its outputs. The template stays the one description of the resources.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 4.0" }
  }
}

variable "template_url" {
  description = "HTTPS URL in S3 of the packaged template, as sam package writes it. It is too large to be passed as text."
  type        = string

  validation {
    condition     = can(regex("^https://[a-z0-9.-]+\\.amazonaws\\.com(\\.cn)?/.+", var.template_url))
    error_message = "CloudFormation reads templates of this size from S3 only."
  }
}

variable "stack_name" {
  description = "Name of the stack; hubctl finds the deployment by it (HUBCTL_STACK)."
  type        = string
  default     = "securityhub-exporter"
}

variable "parameters" {
  description = "Parameters of the template that differ from their defaults, such as { CreateOwnIntegration = \"true\" }."
  type        = map(string)
  default     = {}
}

variable "tags" {
  description = "Tags of the stack and of its resources."
  type        = map(string)
  default     = {}
}

variable "iam_role_arn" {
  description = "Role with which CloudFormation creates the resources. null, the credentials of the caller."
  type        = string
  default     = null
}

resource "aws_cloudformation_stack" "securityhub_exporter" {
  name         = var.stack_name
  template_url = var.template_url
  parameters   = var.parameters
  tags         = var.tags
  iam_role_arn = var.iam_role_arn
  # Roles, and the SAM transform of the template.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  timeouts {
    create = "30m"
    update = "30m"
    delete = "30m"
  }
}

output "outputs" {
  description = "All outputs of the stack, such as ScanBucketName and ManageFunctionName."
  value       = aws_cloudformation_stack.securityhub_exporter.outputs
}

output "scan_bucket_name" {
  description = "Upload Prowler's scans here."
  value       = aws_cloudformation_stack.securityhub_exporter.outputs["ScanBucketName"]
}

output "trusted_role_arns" {
  description = "trusted_role_arns of the module for the role in another account."
  value = [
    aws_cloudformation_stack.securityhub_exporter.outputs["ExportFunctionRoleArn"],
    aws_cloudformation_stack.securityhub_exporter.outputs["CheckFunctionRoleArn"],
  ]
}
